// Where in the editor a field is that a step was refused for: its tab is opened, and it is marked and gets the focus.

/** @typedef {import("../shared/api.js").Problem} Problem */

/** Fields of the event, by the tab they are in. @type {Record<string, string[]>} */
const FIELDS = {
    say: ["title", "summary", "description", "category", "tags", "language", "slug", "image_url", "image_alt", "images"],
    place: ["starts_at", "ends_at", "doors_at", "opens_at", "time_zone", "venue", "venue_name", "address", "city", "country", "geo"],
    tickets: ["ticket_types", "pools", "questions", "buyer_limit", "hold_seconds", "extension_seconds"],
    codes: ["vouchers"],
};

/** What stands for things that are changed in a dialog. @type {Record<string, string>} */
const LISTS = { ticket_types: ".pools-types", pools: ".pools-pools" };

/**
 * @param {Problem | null} problem
 * @param {import("./draft.js").Draft<any>} draft
 * @param {(tab: string) => void} onGo
 */
export function leadTo(problem, draft, onGo) {
    const [name = "", at = ""] = problem?.errors[0]?.field.split(".") ?? [];
    const tab = Object.keys(FIELDS).find((one) => FIELDS[one]?.includes(name));
    if (!problem || !tab || !document.getElementById(`tab-${tab}`)) {
        return;
    }
    draft.errors.value = { ...draft.errors.peek(), ...problem.fields };
    onGo(tab);
    // After the redraw that shows the tab.
    requestAnimationFrame(() => requestAnimationFrame(() => found(name, at, tab)?.focus()));
}

/**
 * @param {string} name
 * @param {string} at its place in a list
 * @param {string} tab
 * @returns {HTMLElement | null}
 */
function found(name, at, tab) {
    const inList = LISTS[name] && /^\d+$/.test(at) ? `${LISTS[name]} li:nth-child(${Number(at) + 1}) button` : null;
    return document.querySelector(inList ?? `#field-${name}`) ?? document.getElementById(`tab-${tab}`);
}
