// A dialog over the page: the browser's own <dialog>, which keeps the focus inside and gives it back.
import { html, render, useLayoutEffect, useRef } from "./html.js";
import { t } from "./i18n.js";

/** @typedef {import("./html.js").Child} Child */

/**
 * @param {{title: string, onClose: () => void, children?: Child}} given
 * @returns {Child}
 */
export function Dialog({ title, onClose, children }) {
    const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
    // Browsers give the focus back when a dialog is closed, not when it is taken out of the page: so before that.
    useLayoutEffect(() => {
        const dialog = element.current;
        dialog?.showModal();
        return () => dialog?.close();
    }, []);
    // Closing it at the end is told as well, when it is gone.
    const closed = () => element.current && onClose();
    const pressed = (/** @type {MouseEvent} */ event) => {
        // The backdrop belongs to the dialog's own box; what is inside it is a child.
        if (event.target === element.current) {
            onClose();
        }
    };
    return html`
        <dialog class="dialog" ref=${element} aria-labelledby="dialog-title" onCancel=${onClose} onClose=${closed} onMouseDown=${pressed}>
            <div class="dialog-head">
                <h2 id="dialog-title">${title}</h2>
                <button type="button" class="dialog-close" aria-label=${t("shared.close")} onClick=${onClose}>×</button>
            </div>
            ${children}
        </dialog>
    `;
}

/**
 * Show a dialog that belongs to no view, and return what it was closed with; null when it was only closed.
 *
 * @template T
 * @param {string} title
 * @param {(close: (value: T) => void) => Child} content
 * @returns {Promise<T | null>}
 */
export function ask(title, content) {
    const place = document.createElement("div");
    document.body.append(place);
    return new Promise((resolve) => {
        const close = (/** @type {T | null} */ value) => {
            render(null, place);
            place.remove();
            resolve(value);
        };
        render(html`<${Dialog} title=${title} onClose=${() => close(null)}>${content(close)}<//>`, place);
    });
}
