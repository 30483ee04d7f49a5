// What stands around every page of those who run the platform: the sections, and who may do what.
import { Problem, problemOf } from "../shared/api.js";
import { html, render } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { requireUser } from "../shared/page.js";
import { FailedPage } from "../shared/resource.js";
import { PLATFORM_GRANTS } from "../shared/roles.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/page.js").Me} Me */
/** @typedef {import("../shared/roles.js").PlatformPermission} PlatformPermission */

/**
 * @typedef {object} Place
 * @property {Me} user
 * @property {string} role
 * @property {(permission: PlatformPermission) => boolean} may
 */

/**
 * @template T
 * @typedef {{items: T[], next_cursor: string | null}} ListPage
 */

const SECTIONS = [
    { id: "health", address: "/admin", icon: "M3.500 12.500h4l2.500-6.500 4 12 2.500-5.500h4" },
    { id: "organisations", address: "/admin/organisations", icon: "M5 20V5.500h8V20M13 9.500h6V20M3.500 20h17M8 9h2M8 12.500h2M8 16h2M16 13v0M16 16.500v0" },
    { id: "users", address: "/admin/users", icon: "M9.500 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 19c0-3 2.500-5 5.500-5s5.500 2 5.500 5M16 5.500a3 3 0 0 1 0 5.500M17.500 14.300c1.700.7 2.800 2.400 2.800 4.700" },
    { id: "flags", address: "/admin/flags", icon: "M6 20.500V4M6 4.500c4-2 7 2 12 0v9c-5 2-8-2-12 0" },
    { id: "audit", address: "/admin/audit", icon: "M6 4.500h12v15H6zM9 9h6M9 12.500h6M9 16h4" },
];

/**
 * Draw a page of the platform, once it is known who is there. Who has no role of the platform is told what stands at
 * an address where there is nothing.
 *
 * @param {string} section
 * @param {(place: Place) => Promise<Child> | Child} draw
 */
export async function showPlatform(section, draw) {
    const app = document.getElementById("app");
    if (!app) {
        return;
    }
    try {
        const user = await requireUser();
        const role = user.platform_role;
        if (!role) {
            throw new Problem(404, { code: "not_found" });
        }
        const place = { user, role, may: (/** @type {PlatformPermission} */ permission) => PLATFORM_GRANTS[role]?.includes(permission) ?? false };
        const content = await draw(place);
        app.replaceChildren();
        app.removeAttribute("aria-busy");
        render(html`<${Frame} place=${place} section=${section}>${content}<//>`, app);
        // On a phone the sections are a strip: the one that is shown must not be beyond its edge.
        app.querySelector('.organizer-nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
    } catch (thrown) {
        app.removeAttribute("aria-busy");
        app.replaceChildren();
        render(html`<${FailedPage} problem=${problemOf(thrown)} />`, app);
    }
}

/**
 * @param {{place: Place, section: string, children?: Child}} given
 * @returns {Child}
 */
function Frame({ place, section, children }) {
    return html`<div class="organizer-frame">
        <aside class="organizer-side">
            <p class="admin-where">
                <strong>${t("admin.heading")}</strong>
                <span>${t("admin.you_are", { role: t(`admin.role.${place.role}`) })}</span>
            </p>
            <nav class="organizer-nav" aria-label=${t("admin.heading")}>
                ${SECTIONS.map(
                    (one) => html`<a href=${one.address} aria-current=${one.id === section ? "page" : undefined}>
                        <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${one.icon} /></svg>
                        ${t(`admin.${one.id}.title`)}
                    </a>`,
                )}
            </nav>
        </aside>
        <div class="stack organizer-content">${children}</div>
    </div>`;
}
