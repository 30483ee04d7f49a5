// What machines come in with: API keys and devices. Each is shown once, when it is made, and can be made worthless at
// once: that can't be taken back, so it is the one thing here that is asked about first.
import { get, remove } from "../shared/api.js";
import { ask } from "../shared/dialog.js";
import { ActionButton } from "../shared/forms.js";
import { ago, listed, moment } from "../shared/formats.js";
import { html, useEffect, useRef, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, Empty, Panel } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { toast } from "../shared/toasts.js";
import { whereOf } from "./event-names.js";
import { More, tell, useList } from "../shared/list.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./event-names.js").NamedEvent} NamedEvent */
/** @typedef {{id: string, name: string, prefix: string, scopes?: string[], event: string | null, created_at_ms: number, expires_at_ms: number, last_used_at_ms: number | null, is_expired: boolean}} Token */
/** @typedef {"keys" | "devices"} Kind */

const SOON_MS = 14 * 86_400_000;
const DEVICE = "M16 8h16v32H16zM22 35h4";
const KEY = "M17 31a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM24 24h17M35 24v6M41 24v5";

/**
 * @param {{place: import("./frame.js").Place, kind: Kind, events: NamedEvent[]}} given
 * @returns {Child}
 */
export function TokenList({ place, kind, events }) {
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Token>>} */ (get(`${place.api}/${kind}`, { cursor })));
    const revoke = async (/** @type {Token} */ token) => {
        const isMeant = await ask(t("team.revoke_title", { name: token.name }), (close) => html`<${Revoking} kind=${kind} onRevoke=${() => close(true)} />`);
        if (isMeant) {
            try {
                await remove(`${place.api}/${kind}/${token.id}`);
                list.edit((items) => items.filter((one) => one.id !== token.id));
                toast(t("team.revoked", { name: token.name }));
            } catch (thrown) {
                tell(thrown);
            }
        }
    };
    return html`<${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${2} />`}>
        ${(/** @type {import("../shared/list.js").Part<Token>} */ found) =>
            found.items.length === 0
                ? html`<${Empty} title=${t(`team.${kind}.none`)} text=${t(`team.${kind}.none_text`)} icon=${kind === "keys" ? KEY : DEVICE} />`
                : html`<${Panel} id=${kind} title=${t(`organizer.nav.${kind}`)}>
                      <ul class="rows">
                          ${found.items.map((token) => html`<${TokenRow} key=${token.id} token=${token} events=${events} onRevoke=${() => revoke(token)} />`)}
                      </ul>
                      <${More} list=${list} />
                  <//>`}
    <//>`;
}

/**
 * @param {{token: Token, events: NamedEvent[], onRevoke: () => Promise<void>}} given
 * @returns {Child}
 */
function TokenRow({ token, events, onRevoke }) {
    const now = Date.now();
    const isSoon = token.expires_at_ms - now < SOON_MS;
    return html`<li>
        <div class="row-text">
            <strong><bdi>${token.name}</bdi></strong>
            <span><span class="mono">${token.prefix}…</span> · ${token.last_used_at_ms === null ? t("team.never_used") : t("team.used", { when: ago(token.last_used_at_ms, now) })}</span>
            <span><bdi>${whereOf(token.event, events)}</bdi></span>
            ${token.scopes && html`<span>${listed(token.scopes.map((scope) => t(`team.may.${scope}`)))}</span>`}
        </div>
        <${Badge} tone=${token.is_expired ? "danger" : isSoon ? "warn" : "calm"}>${token.is_expired ? t("team.expired") : t("team.until", { when: moment(token.expires_at_ms) })}<//>
        <${ActionButton} kind="button-plain" tone="danger" aria-label=${t("team.revoke_one", { email: token.name })} onPress=${onRevoke}>${t("team.revoke")}<//>
    </li>`;
}

/**
 * @param {{kind: Kind, onRevoke: () => void}} given
 * @returns {Child}
 */
function Revoking({ kind, onRevoke }) {
    return html`<div class="stack">
        <p>${t(`team.${kind}.revoke_text`)}</p>
        <div class="form-actions"><button type="button" class="button button-danger" onClick=${onRevoke}>${t("team.revoke")}</button></div>
    </div>`;
}

/**
 * A token, the only time it is seen. The page knows it from now on as little as the server does.
 *
 * @param {{token: string, text: string, hasPicture?: boolean, onDone: () => void}} given
 * @returns {Child}
 */
export function ShownOnce({ token, text, hasPicture = false, onDone }) {
    const notice = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => notice.current?.focus(), []);
    const copy = async () => {
        await navigator.clipboard?.writeText(token);
        toast(t("shared.copied"));
    };
    return html`<div class="stack">
        <div class="notice" data-tone="warn" tabindex="-1" ref=${notice}>
            <p class="notice-title">${t("team.shown_once")}</p>
            <p>${text}</p>
        </div>
        ${hasPicture && html`<${Picture} token=${token} />`}
        <p class="token-text mono" translate="no">${token}</p>
        <div class="form-actions">
            <button type="button" class="button button-main" onClick=${onDone}>${t("team.kept")}</button>
            <button type="button" class="button button-quiet" onClick=${copy}>${t("shared.copy")}</button>
        </div>
    </div>`;
}

/**
 * The QR code for a device's camera. The server draws it from the body of a request: an address would be logged.
 *
 * @param {{token: string}} given
 * @returns {Child}
 */
function Picture({ token }) {
    const [image, setImage] = useState("");
    useEffect(() => {
        void fetch("/qr.svg", { method: "POST", body: token, headers: { "content-type": "text/plain" } })
            .then(async (answer) => (answer.ok ? setImage(`data:image/svg+xml,${encodeURIComponent(await answer.text())}`) : undefined))
            .catch(() => undefined);
    }, [token]);
    return html`<div class="qr">${image && html`<img src=${image} width="208" height="208" alt=${t("team.devices.picture")} />`}</div>`;
}

/** How long they last, in days. */
export const DAYS = [1, 7, 30, 90, 365, 730];

/** @param {number[]} days */
export function daysOptions(days) {
    return days.map((count) => ({ value: String(count), label: t("shared.days", { count }) }));
}
