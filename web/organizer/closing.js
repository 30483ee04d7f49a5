// Closing an organisation for good: what it means, its name typed in full, and what is in the way if it can't be closed yet.
import { Problem, post } from "../shared/api.js";
import { ask } from "../shared/dialog.js";
import { ActionButton, FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useEffect, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { withStepUp } from "../shared/page.js";
import { Panel } from "../shared/parts.js";
import { tell } from "../shared/list.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{event: string, name: string, events: number, orders: number, reservations: number}} InTheWay */

const MEANINGS = /** @type {const} */ (["pages", "people", "drafts", "buyers", "back"]);
const COUNTS = /** @type {const} */ (["events", "orders", "reservations"]);

/**
 * @param {{place: import("./frame.js").Place, organisation: {name: string, version: number}}} given
 * @returns {Child}
 */
export function CloseOrganisation({ place, organisation }) {
    const [inTheWay, setInTheWay] = useState(/** @type {InTheWay | null} */ (null));
    const { name, version } = organisation;
    // Drawn after the browser has looked for what the address names.
    useEffect(() => {
        if (location.hash === "#close") {
            document.getElementById("close")?.scrollIntoView();
        }
    }, []);
    const close = async () => {
        setInTheWay(null);
        const isMeant = await ask(t("team.settings.close_ask", { name }), (done) => html`<${Confirmation} name=${name} onConfirm=${() => done(true)} />`);
        if (isMeant && (await withStepUp(() => closed(place.api, version)))) {
            // Nobody has rights here any more: the next page is whatever else they organise.
            location.assign("/organizer");
        }
    };
    const failed = (/** @type {Problem} */ problem) => {
        if (problem.code === "organisation_in_use") {
            setInTheWay(/** @type {any} */ (problem.details));
        } else {
            tell(problem);
        }
    };
    return html`<${Panel} id="close" title=${t("team.settings.close")} note=${t("team.settings.close_text")}>
        <div class="prose">
            <ul>
                ${MEANINGS.map((one) => html`<li>${t(`team.settings.close_${one}`)}</li>`)}
            </ul>
        </div>
        <div class="notice-place" role="alert">${inTheWay && html`<${Reasons} place=${place} found=${inTheWay} />`}</div>
        <div class="form-actions"><${ActionButton} kind="button-danger" onPress=${close} onProblem=${failed}>${t("team.settings.close_button")}<//></div>
    <//>`;
}

/**
 * @param {string} api
 * @param {number} version
 */
async function closed(api, version) {
    try {
        await post(`${api}/close`, {}, { version });
    } catch (thrown) {
        // That is what an answer says that was lost the first time: it is closed.
        if (!(thrown instanceof Problem) || thrown.code !== "not_found") {
            throw thrown;
        }
    }
    return true;
}

/**
 * @param {{place: import("./frame.js").Place, found: InTheWay}} given
 * @returns {Child}
 */
function Reasons({ place, found }) {
    const event = html`<a href=${`${place.base}/events/${found.event}`}><bdi>${found.name}</bdi></a>`;
    return html`<div class="notice" data-tone="warn">
        <p class="notice-title">${t("team.settings.close_in_use")}</p>
        ${COUNTS.filter((one) => found[one] > 0).map((one) => html`<p>${rich(`team.settings.close_${one}`, { count: found[one], event })}</p>`)}
    </div>`;
}

/**
 * @param {{name: string, onConfirm: () => void}} given
 * @returns {Child}
 */
function Confirmation({ name, onConfirm }) {
    const form = useForm({
        initial: { name: "" },
        check: (values) => ({ name: values["name"].trim() === name.trim() ? undefined : t("team.settings.close_other_name") }),
        send: async () => onConfirm(),
    });
    return html`<${FormBox} form=${form}>
        <p>${t("team.settings.close_back")}</p>
        <${TextField} ...${form.field("name")} id="close-name" label=${t("team.settings.close_name", { name })} autocomplete="off" spellcheck=${false} dir="auto" autofocus />
        <div class="form-actions"><${SubmitButton} form=${form} kind="button-danger">${t("team.settings.close_confirm")}<//></div>
    <//>`;
}
