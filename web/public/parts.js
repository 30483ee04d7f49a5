// Small parts that several views use.
import { money } from "../shared/formats.js";
import { html, useEffect, useRef } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./refusals.js").Notice} Notice */

/**
 * A note about something that was refused, beside what it is about. Said at once by screen readers.
 *
 * @param {{notice: Notice | null, children?: Child, onClose?: () => void}} given
 * @returns {Child}
 */
export function NoticeBox({ notice, children, onClose }) {
    const box = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
        if (notice) {
            box.current?.scrollIntoView({ block: "nearest" });
        }
    }, [notice]);
    return html`
        <div role="alert" class="notice-place" ref=${box}>
            ${notice &&
            html`
                <div class="notice">
                    <p class="notice-title">${notice.title}</p>
                    <p>${notice.advice}</p>
                    ${children}
                    ${onClose && html`<button type="button" class="notice-close" onClick=${onClose} aria-label=${t("event.dismiss")}>×</button>`}
                </div>
            `}
        </div>
    `;
}

/**
 * A heading that takes the focus when it appears after the buyer's own action, so that keyboard and screen reader go on
 * where the page went on.
 *
 * @param {{children?: Child, isFocused: boolean, id?: string}} given
 * @returns {Child}
 */
export function StepHeading({ children, isFocused, id }) {
    const heading = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
        if (isFocused) {
            heading.current?.focus({ preventScroll: true });
            heading.current?.scrollIntoView({ block: "nearest" });
        }
    }, []);
    return html`<h2 class="step-heading" id=${id} tabindex="-1" ref=${heading}>${children}</h2>`;
}

/**
 * @param {{ahead: number | null}} given how many requests come first
 * @returns {Child}
 */
export function WaitingLine({ ahead }) {
    if (ahead === null || ahead <= 0) {
        return null;
    }
    return html`<p class="waiting-line" role="status">
        ${t("event.ahead", { count: ahead })}
    </p>`;
}

/**
 * Return an amount as one says it: "€49.50", or "Free".
 *
 * @param {number} minor
 * @param {string} currency
 */
export function price(minor, currency) {
    return minor === 0 ? t("event.free") : money(minor, currency);
}
