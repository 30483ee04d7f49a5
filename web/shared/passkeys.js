// Passkeys: what the server asks for goes to the browser's authenticators, and their answer back, as JSON
// (WebAuthn, level 3, section 5.1.8); browsers that can't read or write that JSON get it from here.

/** @typedef {any} Json */

/** Whether this browser has passkeys, and this site has a name that one can be bound to: an IP address is none. */
export const hasPasskeys = typeof PublicKeyCredential === "function" && !/^[\d.]+$|:/.test(location.hostname);

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
