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
        if (Array.isArray(after ?? before)) {
            return changes(left[key], right[key], `${name}.${key}`);
        }
        const called = nameOf(right[key]) ?? nameOf(left[key]) ?? key;
        const inner = name ? `${name}.${called}` : called;
        const only = key in left !== key in right ? parts(left[key] ?? right[key]) : null;
        if (only === null || Array.isArray(only)) {
            return changes(left[key], right[key], inner);
        }
        // A thing that is new, or gone: what there is to say of it, one by one.
        const told = Object.fromEntries(Object.entries(only).filter(([, value]) => !isEmpty(value)));
        return key in left ? changes(told, {}, inner) : changes({}, told, inner);
    });
}

/** @param {unknown} value */
function isEmpty(value) {
    return value === null || value === "" || Object.keys(parts(value) ?? { some: 1 }).length === 0;
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
