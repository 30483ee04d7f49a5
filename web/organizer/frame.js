// What stands around every page of an organisation: which one it is, what there is of it, and who may see it.
import { get, problemOf } from "../shared/api.js";
import { html, render } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { requireUser } from "../shared/page.js";
import { FailedPage } from "../shared/resource.js";
import { GRANTS } from "../shared/roles.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/page.js").Me} Me */
/** @typedef {import("../shared/roles.js").Permission} Permission */

/**
 * @typedef {object} Place
 * @property {Me} user
 * @property {string} id the organisation's
 * @property {string} name
 * @property {string} slug
 * @property {string} api the organisation's path below /api/v1
 * @property {string} base the organisation's path among the pages
 * @property {(permission: Permission, event?: string) => boolean} may
 */

const SECTIONS = [
    { id: "events", permission: "events.read", icon: "M5 8.5h14v11H5zM5 12h14M9 5.500v4M15 5.500v4" },
    { id: "venues", permission: "venues.edit", icon: "M12 20.500s-6.500-6-6.500-10.500a6.500 6.500 0 0 1 13 0c0 4.500-6.500 10.500-6.500 10.500zM12 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z" },
    { id: "members", permission: "members.read", icon: "M9.500 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 19c0-3 2.500-5 5.500-5s5.500 2 5.500 5M16 5.500a3 3 0 0 1 0 5.500M17.500 14.300c1.700.7 2.800 2.400 2.800 4.700" },
    { id: "keys", permission: "keys.manage", icon: "M8.500 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM12 12h8M17 12v3.500M20 12v2.500" },
    { id: "devices", permission: "devices.manage", icon: "M8 4h8v16H8zM11 17.500h2" },
    { id: "audit", permission: "audit.read", icon: "M6 4.500h12v15H6zM9 9h6M9 12.500h6M9 16h4" },
    { id: "settings", permission: "organisation.read", icon: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h9M17 17h3M15 5v4M9 10v4M15 15v4" },
];

/**
 * Draw a page of the organisation that the address names, once it is known who is there and what they may do.
 *
 * @param {string} section
 * @param {(place: Place) => Promise<Child> | Child} draw
 */
export async function showOrganisation(section, draw) {
    const app = document.getElementById("app");
    if (!app) {
        return;
    }
    try {
        const user = await requireUser();
        const id = /^\/organizer\/(org_[0-9a-z]{26})/.exec(location.pathname)?.[1] ?? "";
        const place = await placeOf(user, id);
        remember(id);
        const content = await draw(place);
        app.replaceChildren();
        app.removeAttribute("aria-busy");
        render(html`<${Frame} place=${place} section=${section}>${content}<//>`, app);
        // On a phone the sections are a row that is wider than the screen.
        app.querySelector(".organizer-nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    } catch (thrown) {
        app.replaceChildren();
        app.removeAttribute("aria-busy");
        render(html`<${FailedPage} problem=${problemOf(thrown)} />`, app);
    }
}

/**
 * @param {Me} user
 * @param {string} id
 * @returns {Promise<Place>}
 */
async function placeOf(user, id) {
    const roles = user.memberships.filter((one) => one.organisation.id === id);
    const known = roles[0]?.organisation;
    // Who is no member is told by the server that there is nothing.
    const { name, slug } = known ?? (await get(`/organisations/${id}`));
    /** @type {Place["may"]} */
    const may = (permission, event) =>
        roles.some((one) => (one.event === null || one.event === event) && (GRANTS[one.role]?.includes(permission) ?? false));
    return { user, id, name, slug, api: `/organisations/${id}`, base: `/organizer/${id}`, may };
}

const LAST = "bilten:organisation";

/** The organisation that this browser was at last. */
export function lastOrganisation() {
    try {
        return localStorage.getItem(LAST);
    } catch {
        return null;
    }
}

/** @param {string} id */
function remember(id) {
    try {
        localStorage.setItem(LAST, id);
    } catch {
        // The first one is shown next time.
    }
}

/**
 * @param {{place: Place, section: string, children?: Child}} given
 * @returns {Child}
 */
function Frame({ place, section, children }) {
    return html`<div class="organizer-frame">
        <aside class="organizer-side">
            <${Switcher} place=${place} />
            <nav class="organizer-nav" aria-label=${place.name}>
                ${SECTIONS.filter((one) => place.may(/** @type {Permission} */ (one.permission)) || (one.id === "events" && place.user.memberships.length > 0)).map(
                    (one) => html`<a href=${`${place.base}/${one.id}`} aria-current=${one.id === section ? "page" : undefined}>
                        <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${one.icon} /></svg>
                        ${t(`organizer.nav.${one.id}`)}
                    </a>`,
                )}
            </nav>
        </aside>
        <div class="stack organizer-content">${children}</div>
    </div>`;
}

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Switcher({ place }) {
    const all = new Map(place.user.memberships.map((one) => [one.organisation.id, one.organisation]));
    return html`<details class="switcher">
        <summary>
            <span class="switcher-mark" aria-hidden="true">${[...place.name][0]}</span>
            <span class="switcher-name"><bdi>${place.name}</bdi></span>
        </summary>
        <div class="switcher-list">
            ${[...all.values()].map(
                (one) => html`<a href=${`/organizer/${one.id}/events`} aria-current=${one.id === place.id ? "true" : undefined}><bdi>${one.name}</bdi></a>`,
            )}
            <a href=${`/o/${place.slug}`}>${t("organizer.public_page")}</a>
            <a href="/organizer?new">${t("organizer.new_organisation")}</a>
        </div>
    </details>`;
}
