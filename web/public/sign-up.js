// Creating an account. The answer is the same whether the address is known or not: what happens next is in the mail.
import { post } from "../shared/api.js";
import { FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { language, rich, t } from "../shared/i18n.js";
import { nextAddress } from "../shared/page.js";
import { Sheet, showToStrangers } from "./account-frame.js";
import { PasswordField, emailProblem, passwordProblem } from "./credentials.js";

/** @typedef {import("../shared/html.js").Child} Child */

/** @returns {Child} */
function SignUp() {
    const [sentTo, setSentTo] = useState("");
    const form = useForm({
        initial: { name: "", email: "", password: "" },
        check: ({ name, email, password }) => ({
            name: name.trim() ? undefined : t("account.wrong.name"),
            email: emailProblem(email),
            password: passwordProblem(password),
        }),
        send: async ({ name, email, password }) => {
            // The browser that asked is signed in by the mail's link: it is known by its session, a guest's until then.
            await post("/session");
            await post("/sign-up", { name: name.trim(), email: email.trim(), password, locale: language });
            try {
                // The link opens a tab of its own.
                localStorage.setItem("bilten:next", nextAddress("/"));
            } catch {
                // Then the way leads to the home page.
            }
            setSentTo(email.trim());
        },
    });
    if (sentTo) {
        return html`<${Sheet} key="sent" isNext title=${t("account.sent.title")} text=${rich("account.sent.text", { email: html`<bdi><strong>${sentTo}</strong></bdi>` })}>
            <p class="quiet">${t("account.sent.hint")}</p>
            <button type="button" class="button button-quiet" onClick=${() => setSentTo("")}>${t("account.sent.again")}</button>
        <//>`;
    }
    const signIn = html`<a href=${`/sign-in${location.search}`}>${t("shared.sign_in")}</a>`;
    return html`<${Sheet} key="form" title=${t("account.sign_up.title")} text=${t("account.sign_up.text")} foot=${rich("account.sign_up.has_account", { link: signIn })}>
        <${FormBox} form=${form} label=${t("account.sign_up.title")}>
            <${TextField} ...${form.field("name")} label=${t("account.name")} hint=${t("account.name_hint")} autocomplete="name" maxlength="120" />
            <${TextField} ...${form.field("email")} label=${t("account.email")} type="email" autocomplete="email" inputmode="email" maxlength="254" />
            <${PasswordField} field=${form.field("password")} isNew />
            <${SubmitButton} form=${form}>${t("account.sign_up.button")}<//>
            <p class="quiet small">${rich("account.sign_up.privacy", { link: html`<a href="/privacy">${t("shared.privacy")}</a>` })}</p>
        <//>
    <//>`;
}

void showToStrangers(html`<${SignUp} />`);
