// One's own account: name and language, and the address.
import { patch, post, read } from "../shared/api.js";
import { Choices, FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { LANGUAGES, t } from "../shared/i18n.js";
import { requireUser, setMe, useLanguage, withStepUp } from "../shared/page.js";
import { Panel } from "../shared/parts.js";
import { toast } from "../shared/toasts.js";
import { AccountPage, showWhenReady } from "./account-frame.js";
import { PasswordField, emailProblem } from "./credentials.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/page.js").Me} Me */

/**
 * @param {{user: Me, version: number | null}} given
 * @returns {Child}
 */
function Profile({ user, version: first }) {
    const [version, setVersion] = useState(first);
    const form = useForm({
        initial: { name: user.name, locale: user.locale.split("-")[0] },
        check: ({ name }) => ({ name: name.trim() ? undefined : t("account.wrong.name") }),
        send: async ({ name, locale }) => {
            const answer = await patch("/me", { name: name.trim(), locale }, { version });
            setVersion(answer.version);
            setMe(/** @type {Me} */ (answer.value));
            if (useLanguage(locale)) {
                location.reload();
            } else {
                toast(t("shared.saved"));
            }
        },
    });
    return html`<${Panel} id="about-you" title=${t("account.about_you")}>
        <${FormBox} form=${form} label=${t("account.about_you")}>
            <${TextField} ...${form.field("name")} label=${t("account.name")} hint=${t("account.name_hint")} autocomplete="name" maxlength="120" />
            <${Choices}
                ...${form.field("locale")}
                label=${t("shared.language")}
                kind="cards"
                options=${LANGUAGES.map((one) => ({ value: one.code, label: one.name }))}
            />
            <div class="form-actions"><${SubmitButton} form=${form}>${t("shared.save")}<//></div>
        <//>
    <//>`;
}

/**
 * @param {{user: Me}} given
 * @returns {Child}
 */
function Address({ user }) {
    const [sentTo, setSentTo] = useState("");
    const form = useForm({
        initial: { email: "", password: "" },
        check: ({ email, password }) => ({ email: emailProblem(email), password: password ? undefined : t("shared.field.missing") }),
        send: async ({ email, password }) => {
            if (await withStepUp(() => post("/me/email", { email: email.trim(), password }))) {
                setSentTo(email.trim());
            }
        },
    });
    return html`<${Panel} id="address" title=${t("account.email")} note=${html`<bdi>${user.email}</bdi>`}>
        ${sentTo
            ? html`<div class="notice" data-tone="good" role="status">
                  <p class="notice-title">${t("account.sent.title")}</p>
                  <p>${t("account.email_sent", { email: sentTo })}</p>
              </div>`
            : html`<${FormBox} form=${form} label=${t("account.change_email")}>
                  <${TextField} ...${form.field("email")} label=${t("account.new_email")} type="email" autocomplete="email" inputmode="email" />
                  <${PasswordField} field=${form.field("password")} />
                  <div class="form-actions"><${SubmitButton} form=${form} kind="button-quiet">${t("account.change_email")}<//></div>
              <//>`}
    <//>`;
}

void showWhenReady(async () => {
    await requireUser();
    /** @type {import("../shared/api.js").Answer<Me>} */
    const { value, version } = await read("/me");
    return html`<${AccountPage} tab="profile">
        <${Profile} user=${value} version=${version} />
        <${Address} user=${value} />
    <//>`;
});
