// Setting up an authenticator app: its QR code, one code of it as proof, and the recovery codes, shown once.
import { post } from "../shared/api.js";
import { FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useEffect, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { toast } from "../shared/toasts.js";

/** @typedef {import("../shared/html.js").Child} Child */

/**
 * @param {{secret: {secret: string, uri: string}, onDone: () => void}} given
 * @returns {Child}
 */
export function AuthenticatorSetup({ secret, onDone }) {
    const [codes, setCodes] = useState(/** @type {string[] | null} */ (null));
    const form = useForm({
        initial: { code: "" },
        check: ({ code }) => ({ code: /^\d{6}$/.test(code.replace(/\s/g, "")) ? undefined : t("account.wrong.code") }),
        send: async ({ code }) => {
            /** @type {{codes: string[]}} */
            const answer = (await post("/me/totp/confirm", { code: code.replace(/\s/g, "") })).value;
            setCodes(answer.codes);
        },
    });
    if (codes) {
        return html`<${RecoveryCodes} codes=${codes} onDone=${onDone} />`;
    }
    return html`<div class="stack">
        <p class="quiet">${t("account.totp.scan")}</p>
        <${Drawing} text=${secret.uri} />
        <details class="quiet">
            <summary>${t("account.totp.by_hand")}</summary>
            <p class="mono secret">${secret.secret.replace(/(.{4})(?=.)/g, "$1 ")}</p>
        </details>
        <${FormBox} form=${form}>
            <${TextField} ...${form.field("code")} label=${t("account.second.code")} inputmode="numeric" autocomplete="one-time-code" maxlength="7" />
            <${SubmitButton} form=${form}>${t("account.totp.turn_on")}<//>
        <//>
    </div>`;
}

/**
 * The QR code, drawn by the server, which gets the text in the body of a request: in an address it would be logged.
 *
 * @param {{text: string}} given
 * @returns {Child}
 */
function Drawing({ text }) {
    const [image, setImage] = useState("");
    useEffect(() => {
        void fetch("/qr.svg", { method: "POST", body: text, headers: { "content-type": "text/plain" } })
            .then(async (answer) => (answer.ok ? setImage(`data:image/svg+xml,${encodeURIComponent(await answer.text())}`) : undefined))
            .catch(() => undefined);
    }, [text]);
    return html`<div class="qr">${image && html`<img src=${image} width="208" height="208" alt=${t("account.totp.qr")} />`}</div>`;
}

/**
 * @param {{codes: string[], onDone: () => void}} given
 * @returns {Child}
 */
function RecoveryCodes({ codes, onDone }) {
    const copy = async () => {
        await navigator.clipboard?.writeText(codes.join("\n"));
        toast(t("shared.copied"));
    };
    return html`<div class="stack">
        <div class="notice" data-tone="good" role="status">
            <p class="notice-title">${t("account.totp.is_on")}</p>
            <p>${t("account.totp.keep_codes")}</p>
        </div>
        <ul class="recovery-codes">
            ${codes.map((code) => html`<li class="mono">${code}</li>`)}
        </ul>
        <div class="form-actions">
            <button type="button" class="button button-main" onClick=${onDone}>${t("account.totp.codes_kept")}</button>
            <button type="button" class="button button-quiet" onClick=${copy}>${t("shared.copy")}</button>
        </div>
    </div>`;
}
