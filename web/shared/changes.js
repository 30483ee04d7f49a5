// What differs between two states of a thing, for the pages that show the audit log.

/** @typedef {{name: string, before: unknown, after: unknown}} Change */

/**
 * Return every single thing that differs, named by where it stands: "ticket_types.1.price_minor". What was not there, or
 * is not any more, is undefined.
 *
 * @param {unknown} before
 * @param {unknown} after
 * @param {string} name
 * @returns {Change[]}
 */
export function changes(before, after, name = "") {
    const [left, right] = [parts(before), parts(after)];
    if (!left || !right) {
        return same(before, after) ? [] : [{ name, before, after }];
    }
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return keys.flatMap((key) => {
        // What stands in a list goes by its place.
        const called = (Array.isArray(after) ? null : (nameOf(right[key]) ?? nameOf(left[key]))) ?? key;
        return changes(left[key], right[key], name ? `${name}.${called}` : called);
    });
}

/**
 * How people call a thing that stands under its id: the log says the name of whatever differs.
 *
 * @param {unknown} value
 * @returns {string | null}
 */
function nameOf(value) {
    const name = parts(value)?.["name"];
    return typeof name === "string" && name ? name : null;
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown> | null}
 */
function parts(value) {
    return typeof value === "object" && value !== null ? /** @type {Record<string, unknown>} */ (value) : null;
}

/**
 * @param {unknown} before
 * @param {unknown} after
 */
function same(before, after) {
    return JSON.stringify(before) === JSON.stringify(after);
}
