// Numbers of things (TypeIDs): short where they stand in text, whole where they are asked for.
import { html } from "../shared/html.js";

/** @typedef {import("../shared/html.js").Child} Child */

const SHOWN = 8;
const REFERENCE = /^[a-z_]+_[0-9a-z]{26}$/;

/**
 * Return a number so that it can be told from others: its kind and its end, which is what differs.
 *
 * @param {string} reference
 */
export function short(reference) {
    if (!REFERENCE.test(reference)) {
        return reference;
    }
    const cut = reference.lastIndexOf("_");
    return `${reference.slice(0, cut + 1)}…${reference.slice(-SHOWN)}`;
}

/**
 * @param {{reference: string}} given
 * @returns {Child}
 */
export function Reference({ reference }) {
    return html`<span class="mono reference" title=${reference}>${short(reference)}</span>`;
}
