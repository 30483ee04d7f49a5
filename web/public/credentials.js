// Fields for addresses, passwords and codes, and what the browser can say about them before anybody is asked.
import { Field } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */

// The server's bounds; it also knows which passwords are known to everybody.
export const PASSWORD_LENGTH_MIN = 10;
const PASSWORD_LENGTH_MAX = 200;

/** @param {string} email */
export function emailProblem(email) {
    return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim()) ? undefined : t("shared.field.email");
}

/** @param {string} password */
export function passwordProblem(password) {
    const length = [...password].length;
    return length < PASSWORD_LENGTH_MIN ? t("account.wrong.password_short", { count: PASSWORD_LENGTH_MIN }) : undefined;
}

/**
 * A password that can be looked at while it is typed.
 *
 * @param {{field: {name: string, value: any, wrong: string | undefined, onValue: (value: string) => void}, isNew?: boolean, label?: string}} given
 * @returns {Child}
 */
export function PasswordField({ field, isNew = false, label }) {
    const [isShown, setShown] = useState(false);
    const hint = isNew ? t("account.password_hint", { count: PASSWORD_LENGTH_MIN }) : undefined;
    return html`<${Field} name=${field.name} wrong=${field.wrong} label=${label ?? t(isNew ? "account.new_password" : "account.password")} hint=${hint}>
        ${(/** @type {Record<string, unknown>} */ tied) => html`
            <div class="password">
                <input
                    ...${tied}
                    name=${field.name}
                    type=${isShown ? "text" : "password"}
                    value=${field.value}
                    maxlength=${PASSWORD_LENGTH_MAX}
                    autocomplete=${isNew ? "new-password" : "current-password"}
                    autocapitalize="none"
                    spellcheck=${false}
                    data-latin
                    onInput=${(/** @type {InputEvent} */ event) => field.onValue(/** @type {HTMLInputElement} */ (event.currentTarget).value)}
                />
                <button type="button" class="password-eye" aria-pressed=${isShown} aria-label=${t("account.show_password")} onClick=${() => setShown(!isShown)}>
                    <svg viewBox="0 0 24 24" aria-hidden="true">
                        <path d="M2.5 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z" /><circle cx="12" cy="12" r="2.750" />
                        ${!isShown && html`<path d="M4 20 20 4" />`}
                    </svg>
                </button>
            </div>
        `}
    <//>`;
}
