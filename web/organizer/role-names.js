// Roles in the order in which they are offered, and who may give which: nobody gives more than they have.
import { GRANTS } from "../shared/roles.js";

/** @typedef {import("../shared/roles.js").Permission} Permission */

export const ROLES = ["owner", "admin", "event_manager", "finance", "box_office", "scanner", "viewer"];

/** Held for a whole organisation only. */
export const WHOLE_ORGANISATION = ["owner", "admin"];

/**
 * @param {import("./frame.js").Place} place
 * @param {string} role
 */
export function mayGive(place, role) {
    return (GRANTS[role] ?? []).every((permission) => place.may(/** @type {Permission} */ (permission)));
}
