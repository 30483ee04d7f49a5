// What the pages about one's own account share: a sheet for those that are one form, and the account's own tabs.
import { html, render, useEffect, useRef } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { nextAddress, whoIsThere } from "../shared/page.js";
import { FailedPage } from "../shared/resource.js";
import { problemOf } from "../shared/api.js";

/** @typedef {import("../shared/html.js").Child} Child */

const TABS = [
    { id: "profile", address: "/account" },
    { id: "security", address: "/account/security" },
    { id: "sessions", address: "/account/sessions" },
];

/** Draw a view in the page's place. @param {Child} view */
export function show(view) {
    const app = document.getElementById("app");
    if (app) {
        app.removeAttribute("aria-busy");
        if (app.querySelector(".skeleton")) {
            app.replaceChildren();
        }
        render(view, app);
    }
}

/**
 * Draw a view for those who are not signed in; who is goes on to where signing in would have led.
 *
 * @param {Child} view
 */
export async function showToStrangers(view) {
    // Who can't be asked for may still try.
    const user = await whoIsThere().catch(() => null);
    if (user) {
        location.replace(nextAddress("/account"));
    } else {
        show(view);
    }
}

/**
 * Draw what is made of an answer, or say that there was none.
 *
 * @param {() => Promise<Child>} draw
 */
export async function showWhenReady(draw) {
    try {
        show(await draw());
    } catch (thrown) {
        show(html`<${FailedPage} problem=${problemOf(thrown)} />`);
    }
}

/**
 * A page that is one thing to do. Its heading takes the focus when the sheet replaces another one.
 *
 * @param {{title: string, text?: Child, foot?: Child, isNext?: boolean, children?: Child}} given
 * @returns {Child}
 */
export function Sheet({ title, text, foot, isNext = false, children }) {
    const heading = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
        if (isNext) {
            heading.current?.focus();
        }
    }, []);
    return html`<section class="sheet" aria-labelledby="sheet-title">
        <header class="sheet-head">
            <h1 id="sheet-title" tabindex="-1" ref=${heading}>${title}</h1>
            ${text && html`<p>${text}</p>`}
        </header>
        ${children}
        ${foot && html`<p class="sheet-foot">${foot}</p>`}
    </section>`;
}

/**
 * @param {{tab: string, children?: Child}} given
 * @returns {Child}
 */
export function AccountPage({ tab, children }) {
    return html`<div class="stack">
        <h1>${t("account.heading")}</h1>
        <nav class="tabs" aria-label=${t("account.heading")}>
            ${TABS.map(
                (one) => html`<a href=${one.address} aria-current=${one.id === tab ? "page" : undefined}>${t(`account.${one.id}.title`)}</a>`,
            )}
        </nav>
        ${children}
    </div>`;
}

/** The token that the link of a mail carries behind its #, which no server's log ever has. */
export function tokenOfAddress() {
    return new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
}
