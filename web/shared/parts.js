// Parts of pages that are no forms: headings, badges, tabs, tables, and what is shown where there is nothing.
import { html, useEffect, useRef } from "./html.js";
import { t } from "./i18n.js";

/** @typedef {import("./html.js").Child} Child */
/** @typedef {"calm" | "good" | "warn" | "danger"} Tone */

/**
 * @param {{title: string, text?: Child, children?: Child}} given children stand beside the title
 * @returns {Child}
 */
export function PageHead({ title, text, children }) {
    return html`<header class="page-head">
        <h1>${title}</h1>
        ${children}
        ${text && html`<p>${text}</p>`}
    </header>`;
}

/**
 * @param {{title: string, note?: Child, action?: Child, id?: string, children?: Child}} given
 * @returns {Child}
 */
export function Panel({ title, note, action, id, children }) {
    const heading = `${id ?? title.replace(/\W+/g, "-")}-heading`;
    return html`<section class="panel" id=${id} aria-labelledby=${heading}>
        <div class="panel-head">
            <h2 id=${heading}>${title}</h2>
            ${action}
        </div>
        ${note && html`<p class="panel-note">${note}</p>`}
        ${children}
    </section>`;
}

/**
 * @param {{tone?: Tone, children?: Child}} given
 * @returns {Child}
 */
export function Badge({ tone = "calm", children }) {
    return html`<span class="badge" data-tone=${tone}>${children}</span>`;
}

/**
 * @param {{title: string, text?: string, icon?: string, children?: Child}} given `icon`: the path of a drawing in 48 × 48
 * @returns {Child}
 */
export function Empty({ title, text, icon, children }) {
    return html`<div class="empty">
        <svg viewBox="0 0 48 48" aria-hidden="true"><path d=${icon ?? TICKET} /></svg>
        <h2>${title}</h2>
        ${text && html`<p>${text}</p>`}
        ${children}
    </div>`;
}

const TICKET = "M8 14h32v7a3 3 0 0 0 0 6v7H8v-7a3 3 0 0 0 0-6zM29 15v4M29 22v4M29 29v4";

/**
 * Tabs within a page. The arrow keys go from one to the next, as in all tabs.
 *
 * @param {{label: string, tabs: {id: string, label: string}[], chosen: string, onChoose: (id: string) => void}} given
 * @returns {Child}
 */
export function Tabs({ label, tabs, chosen, onChoose }) {
    const list = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
        // On a phone the row is wider than the screen.
        list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ inline: "nearest", block: "nearest" });
    }, [chosen]);
    const moved = (/** @type {KeyboardEvent} */ event) => {
        const isReversed = document.documentElement.dir === "rtl";
        const step = { ArrowRight: isReversed ? -1 : 1, ArrowLeft: isReversed ? 1 : -1 }[event.key];
        const at = tabs.findIndex((tab) => tab.id === chosen);
        const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step && (at + step + tabs.length) % tabs.length;
        const tab = to === undefined ? undefined : tabs[to];
        if (tab) {
            event.preventDefault();
            onChoose(tab.id);
            /** @type {HTMLElement | null | undefined} */ (list.current?.querySelector(`#tab-${tab.id}`))?.focus();
        }
    };
    return html`<div class="tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${moved}>
        ${tabs.map(
            (tab) => html`<button
                type="button"
                role="tab"
                id=${`tab-${tab.id}`}
                aria-selected=${tab.id === chosen}
                aria-controls=${`panel-${tab.id}`}
                tabindex=${tab.id === chosen ? 0 : -1}
                onClick=${() => onChoose(tab.id)}
            >
                ${tab.label}
            </button>`,
        )}
    </div>`;
}

/**
 * @param {{id: string, children?: Child}} given
 * @returns {Child}
 */
export function TabPanel({ id, children }) {
    return html`<div role="tabpanel" id=${`panel-${id}`} aria-labelledby=${`tab-${id}`} class="stack">${children}</div>`;
}

/**
 * @template T
 * @typedef {{name: string, cell: (row: T) => Child, isNumber?: boolean}} Column
 */

/**
 * A table; on a phone each row is a card. The first column is the row's heading.
 *
 * @template T
 * @param {{label: string, columns: Column<T>[], rows: T[], keyOf: (row: T) => string}} given
 * @returns {Child}
 */
export function Table({ label, columns, rows, keyOf }) {
    const kind = (/** @type {Column<T>} */ column) => (column.isNumber ? "number" : undefined);
    return html`<div class="table-scroll" tabindex="0" role="group" aria-label=${label}>
        <table class="table" data-stacks="true">
            <thead>
                <tr>
                    ${columns.map((column) => html`<th scope="col" data-kind=${kind(column)}>${column.name || html`<span class="visually-hidden">${t("shared.actions")}</span>`}</th>`)}
                </tr>
            </thead>
            <tbody>
                ${rows.map(
                    (row) => html`<tr key=${keyOf(row)}>
                        ${columns.map((column, at) =>
                            at === 0
                                ? html`<th scope="row">${column.cell(row)}</th>`
                                : html`<td data-kind=${kind(column)} data-name=${column.name}>${column.cell(row)}</td>`,
                        )}
                    </tr>`,
                )}
            </tbody>
        </table>
    </div>`;
}
