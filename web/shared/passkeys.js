// Passkeys: what the server asks for goes to the browser's authenticators, and their answer back, as JSON
// (WebAuthn, level 3, section 5.1.8); browsers that can't read or write that JSON get it from here.

import { html } from "./html.js";
import { rich, t } from "./i18n.js";

/** @typedef {any} Json */

// Passkeys are bound to the name in the address that the server goes by; a number is none.
const home = new URL(document.documentElement.dataset["passkeys"] || location.origin);
const isNamed = !/^[\d.]+$|:/.test(home.hostname) && (home.protocol === "https:" || /(^|\.)localhost$/.test(home.hostname));

/** Whether passkeys can be made and used on this page. */
export const hasPasskeys = isNamed && location.origin === home.origin && typeof PublicKeyCredential === "function";

/** Whether they could be, at the site's other address. */
export const arePasskeysElsewhere = isNamed && location.origin !== home.origin;

/**
 * Says why there are no passkeys on this page, and where there are.
 *
 * @returns {import("./html.js").Child}
 */
export function NoPasskeys() {
    if (!arePasskeysElsewhere) {
        return html`<p class="quiet">${t(isNamed ? "shared.passkeys.no_browser" : "shared.passkeys.no_name")}</p>`;
    }
    const link = html`<a href=${home.origin + location.pathname + location.search}><bdi>${home.origin}</bdi></a>`;
    return html`<p class="quiet">${rich("shared.passkeys.elsewhere", { link })}</p>`;
}

/**
 * Make a passkey.
 *
 * @param {Json} options
 * @returns {Promise<Json>}
 */
export async function createPasskey(options) {
    const publicKey = {
        .../** @type {PublicKeyCredentialCreationOptions} */ (options),
        challenge: bytes(options["challenge"]),
        user: { ...options["user"], id: bytes(options["user"].id) },
        excludeCredentials: described(options["excludeCredentials"]),
    };
    return asJson(await navigator.credentials.create({ publicKey }));
}

/**
 * Use a passkey.
 *
 * @param {Json} options
 * @returns {Promise<Json>}
 */
export async function usePasskey(options) {
    const publicKey = {
        .../** @type {PublicKeyCredentialRequestOptions} */ (options),
        challenge: bytes(options["challenge"]),
        allowCredentials: described(options["allowCredentials"]),
    };
    return asJson(await navigator.credentials.get({ publicKey }));
}

/**
 * Say whether somebody has only closed the browser's dialog, which is no failure.
 *
 * @param {unknown} thrown
 */
export function isDismissed(thrown) {
    return thrown instanceof DOMException && (thrown.name === "NotAllowedError" || thrown.name === "AbortError");
}

/**
 * @param {Json[] | undefined} credentials
 * @returns {PublicKeyCredentialDescriptor[]}
 */
function described(credentials) {
    return (credentials ?? []).map((one) => ({ .../** @type {PublicKeyCredentialDescriptor} */ (one), id: bytes(one["id"]) }));
}

/** @param {Credential | null} credential */
function asJson(credential) {
    const given = /** @type {any} */ (credential);
    if (typeof given?.toJSON === "function") {
        return given.toJSON();
    }
    const response = Object.fromEntries(
        ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
            .filter((name) => given.response[name])
            .map((name) => [name, text(given.response[name])]),
    );
    if (typeof given.response.getTransports === "function") {
        response["transports"] = given.response.getTransports();
    }
    return {
        id: given.id,
        rawId: text(given.rawId),
        type: given.type,
        authenticatorAttachment: given.authenticatorAttachment,
        clientExtensionResults: given.getClientExtensionResults(),
        response,
    };
}

/** @param {string} base64url */
function bytes(base64url) {
    const plain = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
