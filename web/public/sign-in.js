// Signing in: with a password and, where there is one, a second factor; or with a passkey alone.
import { get, post } from "../shared/api.js";
import { ActionButton, FormBox, FormProblem, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { nextAddress, setMe, useLanguage } from "../shared/page.js";
import { NoPasskeys, arePasskeysElsewhere, hasPasskeys, isDismissed, usePasskey } from "../shared/passkeys.js";
import { Sheet, showToStrangers } from "./account-frame.js";
import { PasswordField, emailProblem } from "./credentials.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{user: string | null, second_factor_needed: boolean, methods: string[], challenge: string | null}} SignInAnswer */

/** @returns {Child} */
function SignIn() {
    const [step, setStep] = useState(/** @type {SignInAnswer | null} */ (null));
    return step ? html`<${SecondFactor} key="second" step=${step} onBack=${() => setStep(null)} />` : html`<${First} key="first" onStep=${setStep} />`;
}

/**
 * @param {{onStep: (step: SignInAnswer) => void}} given
 * @returns {Child}
 */
function First({ onStep }) {
    const form = useForm({
        initial: { email: "", password: "" },
        check: ({ email, password }) => ({
            email: emailProblem(email),
            password: password ? undefined : t("shared.field.missing"),
        }),
        send: async ({ email, password }) => {
            /** @type {SignInAnswer} */
            const answer = (await post("/sign-in", { email: email.trim(), password })).value;
            if (answer.second_factor_needed) {
                onStep(answer);
            } else {
                await finish();
            }
        },
    });
    const signUp = html`<a href=${`/sign-up${location.search}`}>${t("shared.sign_up")}</a>`;
    return html`<${Sheet} title=${t("account.sign_in.title")} foot=${rich("account.sign_in.no_account", { link: signUp })}>
        <${FormBox} form=${form} label=${t("account.sign_in.title")}>
            <${TextField} ...${form.field("email")} label=${t("account.email")} type="email" autocomplete="username" inputmode="email" />
            <${PasswordField} field=${form.field("password")} />
            <${SubmitButton} form=${form}>${t("shared.sign_in")}<//>
            <p><a href="/password-reset">${t("account.forgot")}</a></p>
        <//>
        <${PasskeyButton} />
    <//>`;
}

/** @returns {Child} */
function PasskeyButton() {
    const [problem, setProblem] = useState(/** @type {import("../shared/api.js").Problem | null} */ (null));
    if (!hasPasskeys) {
        return arePasskeysElsewhere ? html`<${NoPasskeys} />` : null;
    }
    const press = async () => {
        setProblem(null);
        /** @type {{challenge: string, options: Record<string, any>}} */
        const { challenge, options } = (await post("/sign-in/passkey/options")).value;
        try {
            const credential = await usePasskey(options);
            await post("/sign-in/passkey", { challenge, credential });
        } catch (thrown) {
            if (!isDismissed(thrown)) {
                throw thrown;
            }
            return;
        }
        await finish();
    };
    return html`
        <p class="or">${t("account.or")}</p>
        <${FormProblem} problem=${problem} />
        <${ActionButton} kind="button-quiet button-wide" onPress=${press} onProblem=${setProblem}>${t("account.passkey_sign_in")}<//>
    `;
}

/**
 * @param {{step: SignInAnswer, onBack: () => void}} given
 * @returns {Child}
 */
function SecondFactor({ step, onBack }) {
    const [isRecovery, setRecovery] = useState(!step.methods.includes("totp"));
    const form = useForm({
        initial: { code: "" },
        check: ({ code }) => ({ code: code.trim() ? undefined : t("shared.field.missing") }),
        send: async ({ code }) => {
            await post("/sign-in/second-factor", { challenge: step.challenge, code: code.trim() });
            await finish();
        },
    });
    const text = isRecovery ? t("account.second.recovery_text") : t("account.second.text");
    const other = isRecovery ? "account.second.use_app" : "account.second.use_recovery";
    return html`<${Sheet} isNext title=${t("account.second.title")} text=${text}>
        <${FormBox} form=${form}>
            <${TextField}
                ...${form.field("code")}
                key=${String(isRecovery)}
                label=${t(isRecovery ? "account.second.recovery_code" : "account.second.code")}
                autocomplete="one-time-code"
                inputmode=${isRecovery ? undefined : "numeric"}
                data-latin
                maxlength="40"
            />
            <${SubmitButton} form=${form}>${t("shared.sign_in")}<//>
            <div class="form-actions">
                ${step.methods.includes("totp") &&
                html`<button type="button" class="button button-plain" onClick=${() => setRecovery(!isRecovery)}>${t(other)}</button>`}
                <button type="button" class="button button-plain" onClick=${onBack}>${t("shared.back")}</button>
            </div>
        <//>
        ${step.methods.includes("passkey") && html`<${PasskeyButton} />`}
    <//>`;
}

async function finish() {
    /** @type {import("../shared/page.js").Me} */
    const user = await get("/me");
    setMe(user);
    useLanguage(user.locale);
    location.replace(nextAddress("/"));
}

void showToStrangers(html`<${SignIn} />`);
