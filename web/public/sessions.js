// Where somebody is signed in, and ending it, one by one or everywhere else.
import { get, post, problemOf, remove } from "../shared/api.js";
import { ActionButton } from "../shared/forms.js";
import { ago } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { requireUser, setMe } from "../shared/page.js";
import { Badge, Panel } from "../shared/parts.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { toast } from "../shared/toasts.js";
import { AccountPage, showWhenReady } from "./account-frame.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{id: string, device: string, created_at_ms: number, last_used_at_ms: number, expires_at_ms: number, is_current: boolean}} SessionView */

/** @returns {Child} */
function Sessions() {
    const sessions = useResource(async () => /** @type {{items: SessionView[]}} */ (await get("/me/sessions")).items);
    const end = async (/** @type {SessionView} */ session) => {
        await remove(`/me/sessions/${session.id}`);
        toast(t("account.sessions.ended"));
        await sessions.reload();
    };
    const everywhere = async () => {
        await post("/sign-out-everywhere");
        setMe(null);
        location.assign("/sign-in");
    };
    const failed = (/** @type {unknown} */ thrown) => toast(problemOf(thrown).text);
    const all = html`<${ActionButton} kind="button-danger" onPress=${everywhere} onProblem=${failed}>${t("account.sessions.everywhere")}<//>`;
    return html`<${AccountPage} tab="sessions">
        <${Panel} id="sessions" title=${t("account.sessions.heading")} note=${t("account.sessions.text")}>
            <${Loaded} resource=${sessions} skeleton=${html`<${Skeleton} kind="rows" lines=${3} />`}>
                ${(/** @type {SessionView[]} */ list) => html`<ul class="rows">
                    ${list.map(
                        (session) => html`<li key=${session.id}>
                            <div class="row-text">
                                <strong><bdi>${session.device || t("account.sessions.unknown")}</bdi></strong>
                                <span>${t("account.sessions.used", { when: ago(session.last_used_at_ms, Date.now()) })}</span>
                            </div>
                            ${session.is_current
                                ? html`<${Badge} tone="good">${t("account.sessions.this")}<//>`
                                : html`<${ActionButton}
                                      kind="button-plain"
                                      tone="danger"
                                      aria-label=${t("account.sessions.end_one", { device: session.device || t("account.sessions.unknown") })}
                                      onPress=${() => end(session)}
                                      onProblem=${failed}
                                  >
                                      ${t("account.sessions.end")}
                                  <//>`}
                        </li>`,
                    )}
                </ul>`}
            <//>
            <div class="form-actions">${all}</div>
        <//>
    <//>`;
}

void showWhenReady(async () => {
    await requireUser();
    return html`<${Sessions} />`;
});
