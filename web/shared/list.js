// Lists that come in parts: what is there already, and the next part on request.
import { ActionButton } from "./forms.js";
import { html, useRef } from "./html.js";
import { t } from "./i18n.js";
import { get, problemOf } from "./api.js";
import { useResource } from "./resource.js";
import { toast } from "./toasts.js";

/** @typedef {import("./html.js").Child} Child */

/**
 * @template T
 * @typedef {{items: T[], next_cursor: string | null}} Part
 */

/**
 * @template T
 * @param {(cursor: string | null) => Promise<Part<T>>} load
 * @param {readonly unknown[]} [inputs]
 */
export function useList(load, inputs = []) {
    const page = useResource(() => load(null), inputs);
    const newest = useRef(page.value);
    newest.current = page.value;
    const more = async () => {
        const shown = page.value;
        if (shown?.next_cursor) {
            const next = await load(shown.next_cursor);
            // What came for one list is not put below another that was asked for meanwhile.
            if (newest.current === shown) {
                page.set({ items: [...shown.items, ...next.items], next_cursor: next.next_cursor });
            }
        }
    };
    /** @param {(items: T[]) => T[]} change */
    const edit = (change) => {
        if (page.value) {
            page.set({ items: change(page.value.items), next_cursor: page.value.next_cursor });
        }
    };
    return { page, more, edit };
}

const PART = 200;
const PARTS_MAX = 20;

/**
 * Return a whole list, for what has to be chosen from: all its parts, one after the other, up to 4,000 things.
 *
 * @param {string} path
 * @returns {Promise<any[]>}
 */
export async function everything(path) {
    const items = [];
    /** @type {string | null} */
    let cursor = null;
    for (let part = 0; part < PARTS_MAX; part++) {
        /** @type {Part<any>} */
        const found = await get(path, { limit: PART, cursor });
        items.push(...found.items);
        cursor = found.next_cursor;
        if (cursor === null) {
            break;
        }
    }
    return items;
}

/**
 * @param {{list: {page: import("./resource.js").Resource<Part<any>>, more: () => Promise<void>}}} given
 * @returns {Child}
 */
export function More({ list }) {
    return html`${list.page.value?.next_cursor &&
    html`<div class="form-actions"><${ActionButton} onPress=${list.more} onProblem=${tell}>${t("shared.more")}<//></div>`}`;
}

/** Say why something was refused. @param {unknown} thrown */
export function tell(thrown) {
    toast(problemOf(thrown).text);
}
