// Short notes at the bottom of the page, said by screen readers, with a way to take back what was done.
import { html, render, signal } from "./html.js";
import { t } from "./i18n.js";

/** @typedef {import("./html.js").Child} Child */
/** @typedef {{id: number, text: string, action: string, run: (() => unknown) | null, end: () => void}} Toast */

const LASTS_MS = 6_000;
const UNDO_LASTS_MS = 10_000;
const SHOWN_MAX = 3;

const shown = signal(/** @type {Toast[]} */ ([]));
let next = 1;
let isMounted = false;

/**
 * Say that something was done.
 *
 * @param {string} text
 */
export function toast(text) {
    show(text, "", null, () => {}, LASTS_MS);
}

/**
 * Say that something was done, and offer to take it back.
 *
 * @param {string} text
 * @param {() => unknown} undo
 */
export function undoToast(text, undo) {
    show(text, t("shared.undo"), undo, () => {}, UNDO_LASTS_MS);
}

/**
 * Do something only when nobody has taken it back in time: for what can't be taken back on the server. It is done at
 * once when the page is left.
 *
 * @param {string} text
 * @param {() => unknown} run
 * @param {() => void} onUndo shows it as it was
 */
export function delayed(text, run, onUndo) {
    let isSettled = false;
    const settle = () => {
        if (!isSettled) {
            isSettled = true;
            removeEventListener("pagehide", settle);
            run();
        }
    };
    addEventListener("pagehide", settle);
    const undo = () => {
        isSettled = true;
        removeEventListener("pagehide", settle);
        onUndo();
    };
    show(text, t("shared.undo"), undo, settle, UNDO_LASTS_MS);
}

/**
 * @param {string} text
 * @param {string} action
 * @param {(() => unknown) | null} run
 * @param {() => void} onEnd
 * @param {number} lastsMs
 */
function show(text, action, run, onEnd, lastsMs) {
    mount();
    const id = next++;
    const end = () => {
        clearTimeout(timer);
        if (shown.peek().some((one) => one.id === id)) {
            shown.value = shown.peek().filter((one) => one.id !== id);
            onEnd();
        }
    };
    const timer = setTimeout(end, lastsMs);
    const taken = run && (() => (clearTimeout(timer), (shown.value = shown.peek().filter((one) => one.id !== id)), run()));
    for (const old of shown.peek().slice(0, Math.max(0, shown.peek().length - SHOWN_MAX + 1))) {
        old.end();
    }
    shown.value = [...shown.peek(), { id, text, action, run: taken, end }];
}

function mount() {
    if (!isMounted) {
        isMounted = true;
        const place = document.createElement("div");
        document.body.append(place);
        render(html`<${Toasts} />`, place);
    }
}

/** @returns {Child} */
function Toasts() {
    return html`<div class="toasts" role="status" aria-live="polite">
        ${shown.value.map(
            (one) => html`<div class="toast" key=${one.id}>
                <p>${one.text}</p>
                ${one.run && html`<button type="button" onClick=${one.run}>${one.action}</button>`}
            </div>`,
        )}
    </div>`;
}
