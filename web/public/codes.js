// Codes of vouchers: typed in, explained before anything is reserved, and named in the reservation.
import { count, money } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { NoticeBox } from "./parts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./sale.js").KnownCode} KnownCode */
/** @typedef {import("./sale.js").Sale} Sale */
/** @typedef {import("./checkout.js").Checkout} Checkout */

const CODES_MAX = 5;

/**
 * @param {{sale: Sale, checkout: Checkout}} given
 * @returns {Child}
 */
export function Codes({ sale, checkout }) {
    const known = sale.codes.value;
    const [text, setText] = useState("");
    const isAsking = checkout.isAskingCode.value;
    const submit = async (/** @type {SubmitEvent} */ submitted) => {
        submitted.preventDefault();
        const code = text.trim();
        if (code && !isAsking && (await checkout.applyCode(code))) {
            setText("");
        }
    };
    return html`
        <div class="codes">
            ${known.length > 0 &&
            html`<ul class="codes-known">
                ${known.map(
                    (one) => html`
                        <li key=${one.code}>
                            <span><strong><bdi>${one.code}</bdi></strong> ${meaning(one, sale)}</span>
                            <button type="button" class="button button-text" aria-label=${t("event.code.remove", { code: one.code })}
                                onClick=${() => checkout.dropCode(one.code)}>${t("event.code.remove_short")}</button>
                        </li>
                    `,
                )}
            </ul>`}
            ${known.length < CODES_MAX &&
            html`<form class="codes-form" onSubmit=${submit}>
                <label for="code">${t("event.code.label")}</label>
                <input id="code" name="code" value=${text} maxlength="64" autocomplete="off" autocapitalize="characters" spellcheck=${false}
                    onInput=${(/** @type {InputEvent} */ input) => setText(/** @type {HTMLInputElement} */ (input.currentTarget).value)} />
                <button type="submit" class="button button-quiet" aria-busy=${isAsking}>${t("event.code.apply")}</button>
            </form>`}
            <${NoticeBox} notice=${checkout.codeNotice.value} onClose=${() => (checkout.codeNotice.value = null)} />
        </div>
    `;
}

/**
 * Say what a code is good for.
 *
 * @param {KnownCode} one
 * @param {Sale} sale
 */
function meaning({ found }, sale) {
    const said = [];
    if (found.percent_bp > 0) {
        said.push(t("event.code.percent", { percent: count(found.percent_bp / 100) }));
    } else if (found.amount_minor > 0) {
        const amount = money(found.amount_minor, sale.event.currency);
        said.push(t(found.is_per_order ? "event.code.order" : "event.code.ticket", { amount }));
    }
    if (found.kind === "block") {
        said.push(t("event.code.block", { count: found.left ?? 0 }));
    } else if (found.unlocked.length > 0) {
        said.push(t("event.code.shows", { names: found.unlocked.map((type) => type.name).join(", ") }));
    }
    return said.join(" · ");
}
