// What every page does: the menu knows who is signed in, forms that need somebody send them to sign in and back, and a
// fresh proof of who this is is asked for when the server wants one.
import { Problem, get, post } from "./api.js";
import { ask } from "./dialog.js";
import { ActionButton, FormBox, FormProblem, SubmitButton, TextField, useForm } from "./forms.js";
import { html, render, signal, useState } from "./html.js";
import { language, t } from "./i18n.js";
import { NoPasskeys, hasPasskeys, isDismissed, usePasskey } from "./passkeys.js";

/** @typedef {import("./html.js").Child} Child */
/** @typedef {{organisation: {id: string, slug: string, name: string}, role: string, event: string | null, is_barred?: boolean}} Membership */

/**
 * @typedef {object} Me
 * @property {string} id
 * @property {string} name
 * @property {string} email
 * @property {string} locale
 * @property {Membership[]} memberships
 * @property {string | null} [platform_role]
 * @property {boolean} has_totp
 * @property {number} passkeys
 * @property {number} recovery_codes_left
 */

// What the menu shows until the server has said who this is: nothing jumps on the next page.
const HINT = "bilten:me";

/** Who is signed in; null for nobody, undefined while it is not known. */
export const me = signal(/** @type {Me | null | undefined} */ (undefined));

/**
 * Take in who is signed in.
 *
 * @param {Me | null} found
 */
export function setMe(found) {
    me.value = found;
    try {
        if (found) {
            localStorage.setItem(HINT, JSON.stringify({ name: found.name, email: found.email, has_platform_role: Boolean(found.platform_role) }));
        } else {
            localStorage.removeItem(HINT);
        }
    } catch {
        // Without storage the menu is right a moment later.
    }
    drawMenu();
}

/**
 * Return who is signed in. Nobody is sent to the sign-in page, and back here afterwards.
 *
 * @returns {Promise<Me>}
 */
export async function requireUser() {
    const found = await whoIsThere();
    if (!found) {
        const here = location.pathname + location.search;
        location.replace(`/sign-in?next=${encodeURIComponent(here)}`);
        // The page is being left: nothing more happens on it.
        return await new Promise(() => {});
    }
    return found;
}

/** @returns {Promise<Me | null>} */
export async function whoIsThere() {
    try {
        setMe(await get("/me"));
    } catch (thrown) {
        if (!(thrown instanceof Problem) || thrown.status !== 401) {
            throw thrown;
        }
        setMe(null);
    }
    return me.peek() ?? null;
}

const SEEN_ATTEMPTS_MAX = 12;
const SEEN_DELAY_MS = 250;

/**
 * Return when a role that was just given is seen by the gateway that this page asks: rights are kept there for half a
 * second.
 *
 * @param {string} organisation
 */
export async function membershipOf(organisation) {
    for (let attempt = 1; attempt <= SEEN_ATTEMPTS_MAX; attempt++) {
        const user = await whoIsThere();
        if (!user || user.memberships.some((one) => one.organisation.id === organisation)) {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, SEEN_DELAY_MS));
    }
}

/**
 * Return the address to go to after signing in: only ever one of this site.
 *
 * @param {string} [fallback]
 */
export function nextAddress(fallback = "/") {
    const next = new URLSearchParams(location.search).get("next") ?? "";
    const url = URL.canParse(next, location.origin) ? new URL(next, location.origin) : null;
    // "/.//evil.example" is of this site, and its path alone would not be.
    const isOurs = url && url.origin === location.origin && next.startsWith("/") && !url.pathname.startsWith("//");
    return isOurs ? url.pathname + url.search + url.hash : fallback;
}

/**
 * Use the language that the account has, on this device as well.
 *
 * @param {string} locale
 * @returns {boolean} whether the page has to be loaded again to show it
 */
export function useLanguage(locale) {
    const wanted = locale.split("-")[0] ?? locale;
    const isKnown = wanted === "en" || wanted === "ar";
    if (isKnown) {
        const secure = location.protocol === "https:" ? "; Secure" : "";
        document.cookie = `bilten_language=${wanted}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    }
    return isKnown && wanted !== language;
}

/**
 * Do something; when the server wants to know once more who this is, ask, and do it again.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T | null>} null when nobody proved it
 */
export async function withStepUp(action) {
    try {
        return await action();
    } catch (thrown) {
        if (!(thrown instanceof Problem) || thrown.code !== "step_up_needed") {
            throw thrown;
        }
    }
    const isProven = await ask(t("shared.step_up.title"), (close) => html`<${StepUp} onProven=${() => close(true)} />`);
    return isProven ? await action() : null;
}

/**
 * Asks for what the server wants of this user: a code or a passkey of those who have a second factor, else the password.
 *
 * @param {{onProven: () => void}} given
 * @returns {Child}
 */
function StepUp({ onProven }) {
    const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
    const user = me.value;
    const isCode = Boolean(user?.has_totp);
    const ownsPasskey = Boolean(user?.passkeys);
    const form = useForm({
        initial: { proof: "" },
        check: ({ proof }) => ({ proof: proof ? undefined : t("shared.field.missing") }),
        send: async ({ proof }) => {
            await post("/me/step-up", isCode ? { code: proof.trim() } : { password: proof });
            onProven();
        },
    });
    const byPasskey = async () => {
        /** @type {{challenge: string, options: Record<string, any>}} */
        const { challenge, options } = (await post("/sign-in/passkey/options")).value;
        try {
            await post("/me/step-up", { passkey: { challenge, credential: await usePasskey(options) } });
        } catch (thrown) {
            if (!isDismissed(thrown)) {
                throw thrown;
            }
            return;
        }
        onProven();
    };
    const isTyped = isCode || !ownsPasskey;
    return html`<div class="stack">
        <p class="quiet">${t(isTyped ? (isCode ? "shared.step_up.code_text" : "shared.step_up.text") : "shared.step_up.passkey_text")}</p>
        ${isTyped &&
        html`<${FormBox} form=${form}>
            <${TextField}
                ...${form.field("proof")}
                label=${t(isCode ? "shared.step_up.code" : "shared.step_up.password")}
                type=${isCode ? "text" : "password"}
                inputmode=${isCode ? "numeric" : undefined}
                autocomplete=${isCode ? "one-time-code" : "current-password"}
                autofocus
            />
            <${SubmitButton} form=${form}>${t("shared.step_up.button")}<//>
        <//>`}
        <${FormProblem} problem=${problem} />
        ${ownsPasskey && hasPasskeys && html`<${ActionButton} onPress=${byPasskey} onProblem=${setProblem}>${t("shared.step_up.passkey")}<//>`}
        ${!isTyped && !hasPasskeys && html`<${NoPasskeys} />`}
    </div>`;
}

/** Forget on this device who was signed in. */
export function forgetMe() {
    setMe(null);
    try {
        // What the event pages keep of a buyer belongs to the account.
        for (const key of Object.keys(localStorage).filter((one) => one.startsWith("bilten:"))) {
            localStorage.removeItem(key);
        }
    } catch {
        // Nothing is kept then.
    }
}

export async function signOut() {
    await post("/sign-out").catch(() => null);
    forgetMe();
    location.assign("/");
}

let isMenuDrawn = false;

/** Redraw the part of the menu that says who this is. */
function drawMenu() {
    const user = me.value;
    const known = user ? { name: user.name, email: user.email, has_platform_role: Boolean(user.platform_role) } : hint();
    const place = document.getElementById("site-menu-user");
    const button = document.getElementById("site-menu-button");
    const signIn = document.getElementById("site-sign-in");
    if (!place || !button || !signIn) {
        return;
    }
    signIn.hidden = known !== null;
    if (known === null) {
        return;
    }
    const name = known.name || known.email;
    if (!isMenuDrawn) {
        // What the server drew for guests makes way; from then on the place is the view's.
        place.replaceChildren();
        isMenuDrawn = true;
    }
    render(html`<${UserMenu} name=${known.name} email=${known.email} isPlatform=${known.has_platform_role} />`, place);
    const circle = document.createElement("span");
    circle.className = "initials";
    circle.textContent = initials(name);
    // What is seen is a part of what the button is called, for those who say what they see.
    const said = document.createElement("span");
    said.className = "visually-hidden";
    said.textContent = t("shared.menu_of", { name });
    button.removeAttribute("aria-label");
    button.replaceChildren(circle, " ", said);
}

/** @returns {{name: string, email: string, has_platform_role: boolean} | null} */
function hint() {
    if (me.peek() === null) {
        return null;
    }
    try {
        return JSON.parse(localStorage.getItem(HINT) ?? "null");
    } catch {
        return null;
    }
}

/** @param {string} name */
function initials(name) {
    const words = name.trim().split(/\s+/);
    const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "");
    // Letters of scripts that join are shown apart: two of them would look like one word.
    return letters.join(/\p{Script=Arabic}/u.test(name) ? "\u200c" : "").toUpperCase();
}

/**
 * @param {{name: string, email: string, isPlatform: boolean}} given
 * @returns {Child}
 */
function UserMenu({ name, email, isPlatform }) {
    return html`
        <p class="menu-who"><strong>${name}</strong><span><bdi>${email}</bdi></span></p>
        <a href="/account">${t("shared.account")}</a>
        ${isPlatform && html`<a href="/admin">${t("shared.admin")}</a>`}
        <button type="button" onClick=${signOut}>${t("shared.sign_out")}</button>
    `;
}

drawMenu();
if (me.peek() === undefined && hint() !== null) {
    // Somebody was signed in on this device: ask whether that still holds, without holding up the page.
    void whoIsThere().catch(() => null);
}
