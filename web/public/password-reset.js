// A forgotten password: asking for the mail, and, with the mail's link, choosing another one.
import { post } from "../shared/api.js";
import { FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { Sheet, show, tokenOfAddress } from "./account-frame.js";
import { PasswordField, emailProblem, passwordProblem } from "./credentials.js";

/** @typedef {import("../shared/html.js").Child} Child */

/** @returns {Child} */
function Ask() {
    const [sentTo, setSentTo] = useState("");
    const form = useForm({
        initial: { email: "" },
        check: ({ email }) => ({ email: emailProblem(email) }),
        send: async ({ email }) => {
            await post("/password-reset", { email: email.trim() });
            setSentTo(email.trim());
        },
    });
    const signIn = html`<a href="/sign-in">${t("shared.sign_in")}</a>`;
    if (sentTo) {
        return html`<${Sheet} key="sent" isNext title=${t("account.sent.title")} text=${rich("account.reset.sent", { email: html`<bdi><strong>${sentTo}</strong></bdi>` })} foot=${signIn} />`;
    }
    return html`<${Sheet} key="form" title=${t("account.reset.title")} text=${t("account.reset.text")} foot=${signIn}>
        <${FormBox} form=${form} label=${t("account.reset.title")}>
            <${TextField} ...${form.field("email")} label=${t("account.email")} type="email" autocomplete="username" inputmode="email" />
            <${SubmitButton} form=${form}>${t("account.reset.button")}<//>
        <//>
    <//>`;
}

/** @returns {Child} */
function Choose() {
    const [isDone, setDone] = useState(false);
    const form = useForm({
        initial: { password: "" },
        check: ({ password }) => ({ password: passwordProblem(password) }),
        send: async ({ password }) => {
            await post("/password-reset/confirm", { token: tokenOfAddress(), password });
            setDone(true);
        },
    });
    if (isDone) {
        return html`<${Sheet} key="done" isNext title=${t("account.new_password.done")} text=${t("account.new_password.done_text")}>
            <a class="button button-main" href="/sign-in">${t("shared.sign_in")}</a>
        <//>`;
    }
    return html`<${Sheet} key="form" title=${t("account.new_password.title")} text=${t("account.new_password.text")}>
        <${FormBox} form=${form} label=${t("account.new_password.title")}>
            <${PasswordField} field=${form.field("password")} isNew />
            <${SubmitButton} form=${form}>${t("account.new_password.button")}<//>
        <//>
    <//>`;
}

show(location.pathname.endsWith("/confirm") ? html`<${Choose} />` : html`<${Ask} />`);
