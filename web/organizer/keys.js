// API keys: what they may do, for how long, and making them worthless.
import { post } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Checkboxes, FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { PageHead } from "../shared/parts.js";
import { KEY_SCOPES } from "../shared/roles.js";
import { eventOptions, useEvents } from "./event-names.js";
import { showOrganisation } from "./frame.js";
import { DAYS, ShownOnce, TokenList, daysOptions } from "./tokens.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Keys({ place }) {
    const [isNew, setNew] = useState(false);
    const [turn, setTurn] = useState(0);
    const events = useEvents(place);
    const add = html`<button type="button" class="button button-main" onClick=${() => setNew(true)}>${t("team.keys.add")}</button>`;
    return html`
        <${PageHead} title=${t("organizer.nav.keys")} text=${rich("team.keys.text", { link: html`<a href="/api/v1/docs">${t("team.keys.docs")}</a>` })}>${add}<//>
        <${TokenList} key=${turn} place=${place} kind="keys" events=${events} />
        ${isNew && html`<${NewKey} place=${place} events=${events} onClose=${() => (setNew(false), setTurn(turn + 1))} />`}
    `;
}

/**
 * @param {{place: Place, events: import("./event-names.js").NamedEvent[], onClose: () => void}} given
 * @returns {Child}
 */
function NewKey({ place, events, onClose }) {
    const [token, setToken] = useState("");
    const scopes = KEY_SCOPES.filter((scope) => place.may(/** @type {import("../shared/roles.js").Permission} */ (scope)));
    const form = useForm({
        initial: { name: "", scopes: ["events.read"], event: "", expires_in_days: "365" },
        check: (given) => ({
            name: given["name"].trim() ? undefined : t("shared.field.missing"),
            scopes: given["scopes"].length > 0 ? undefined : t("team.wrong.scopes"),
        }),
        send: async (given) => {
            const body = { name: given["name"].trim(), scopes: given["scopes"], event: given["event"] || null, expires_in_days: Number(given["expires_in_days"]) };
            const made = /** @type {{token: string}} */ ((await post(`${place.api}/keys`, body)).value);
            setToken(made.token);
        },
    });
    if (token) {
        return html`<${Dialog} key="shown" title=${form.values["name"]} onClose=${onClose}><${ShownOnce} token=${token} text=${t("team.keys.shown")} onDone=${onClose} /><//>`;
    }
    return html`<${Dialog} key="form" title=${t("team.keys.add")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${TextField} ...${form.field("name")} label=${t("team.keys.name")} hint=${t("team.keys.name_hint")} maxlength="120" dir="auto" autofocus />
            <${Scopes} scopes=${scopes} field=${form.field("scopes")} />
            <${Select} ...${form.field("event")} label=${t("team.where")} options=${eventOptions(events)} />
            <${Select} ...${form.field("expires_in_days")} label=${t("team.lasts")} options=${daysOptions(DAYS.filter((days) => days >= 30))} />
            <div class="form-actions"><${SubmitButton} form=${form}>${t("team.keys.add")}<//></div>
        <//>
    <//>`;
}

/**
 * @param {{scopes: string[], field: {value: string[], wrong: string | undefined, onValue: (value: string[]) => void}}} given
 * @returns {Child}
 */
function Scopes({ scopes, field }) {
    const options = scopes.map((value) => ({ value, label: t(`team.may.${value}`) }));
    return html`<${Checkboxes} ...${field} id="scopes" kind="scopes" label=${t("team.keys.scopes")} hint=${t("team.keys.scopes_hint")} options=${options} />`;
}

void showOrganisation("keys", (place) => html`<${Keys} place=${place} />`);
