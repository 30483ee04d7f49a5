// One's own data, below what is said about it: taken along as a file, or erased with the account.
import { get, problemOf, remove } from "../shared/api.js";
import { ask } from "../shared/dialog.js";
import { save } from "../shared/files.js";
import { ActionButton } from "../shared/forms.js";
import { html, render, useEffect, useRef, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { forgetMe, whoIsThere, withStepUp } from "../shared/page.js";
import { Panel } from "../shared/parts.js";
import { toast } from "../shared/toasts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/api.js").Problem} Problem */

const tell = (/** @type {unknown} */ thrown) => toast(problemOf(thrown).text);

/** @returns {Child} */
function Download() {
    const download = async () => {
        const found = await withStepUp(async () => await get("/me/data"));
        if (found) {
            save("bilten-my-data.json", new Blob([JSON.stringify(found, null, 2)], { type: "application/json" }));
            toast(t("privacy.download.done"));
        }
    };
    return html`<${Panel} id="download" title=${t("privacy.download.title")} note=${t("privacy.download.text")}>
        <div class="form-actions"><${ActionButton} onPress=${download} onProblem=${tell}>${t("privacy.download.button")}<//></div>
    <//>`;
}

/**
 * @param {{onErased: () => void}} given
 * @returns {Child}
 */
function Erase({ onErased }) {
    const [owned, setOwned] = useState(/** @type {{organisation: string, name: string} | null} */ (null));
    const erase = async () => {
        setOwned(null);
        const isMeant = await ask(t("privacy.erase.ask"), (close) => html`<${Consequences} onAnswer=${close} />`);
        if (isMeant && (await withStepUp(async () => (await remove("/me"), true)))) {
            forgetMe();
            onErased();
        }
    };
    const failed = (/** @type {Problem} */ problem) => {
        if (problem.code === "last_owner") {
            setOwned({ organisation: problem.details["organisation"], name: problem.details["name"] });
        } else {
            tell(problem);
        }
    };
    return html`<${Panel} id="erase" title=${t("privacy.erase.title")} note=${t("privacy.erase.text")}>
        <div class="notice-place" role="alert">
            ${owned &&
            html`<div class="notice" data-tone="warn">
                <p class="notice-title">${rich("privacy.erase.last_owner", { name: html`<bdi>${owned.name}</bdi>` })}</p>
                <p>
                    ${rich("privacy.erase.last_owner_text", {
                        members: html`<a href=${`/organizer/${owned.organisation}/members`}>${rich("privacy.erase.members", { name: html`<bdi>${owned.name}</bdi>` })}</a>`,
                        close: html`<a href=${`/organizer/${owned.organisation}/settings#close`}>${rich("privacy.erase.close", { name: html`<bdi>${owned.name}</bdi>` })}</a>`,
                    })}
                </p>
            </div>`}
        </div>
        <div class="form-actions">
            <${ActionButton} kind="button-danger" onPress=${erase} onProblem=${failed}>${t("privacy.erase.button")}<//>
        </div>
    <//>`;
}

/**
 * What somebody should know before they say yes.
 *
 * @param {{onAnswer: (isMeant: boolean) => void}} given
 * @returns {Child}
 */
function Consequences({ onAnswer }) {
    return html`<div class="stack">
        <p>${t("privacy.erase.goes")}</p>
        <p>${rich("privacy.erase.tickets", { link: html`<a href="/tickets">${t("privacy.erase.tickets_link")}</a>` })}</p>
        <p>${t("privacy.erase.stays")}</p>
        <div class="form-actions">
            <button type="button" class="button button-danger" onClick=${() => onAnswer(true)}>${t("privacy.erase.confirm")}</button>
            <button type="button" class="button button-quiet" autofocus onClick=${() => onAnswer(false)}>${t("privacy.erase.keep")}</button>
        </div>
    </div>`;
}

/** @returns {Child} */
function Erased() {
    const heading = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => heading.current?.focus(), []);
    return html`<section class="panel" aria-labelledby="erased">
        <h2 id="erased" tabindex="-1" ref=${heading}>${t("privacy.erase.done")}</h2>
        <p class="panel-note">${t("privacy.erase.done_text")}</p>
    </section>`;
}

/** @returns {Child} */
function OwnData() {
    const [isErased, setErased] = useState(false);
    return isErased ? html`<${Erased} />` : html`<${Download} /><${Erase} onErased=${() => setErased(true)} />`;
}

const place = document.getElementById("own-data");
if (place) {
    const signIn = html`<p><a href="/sign-in?next=/privacy">${t("privacy.sign_in")}</a></p>`;
    whoIsThere().then(
        (user) => render(user ? html`<${OwnData} />` : signIn, place),
        () => render(signIn, place),
    );
}
