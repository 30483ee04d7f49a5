// The link of a mail that confirms an address: of a new account, or the new one of an account.
import { get, post, problemOf } from "../shared/api.js";
import { FormBox, SubmitButton, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { setMe } from "../shared/page.js";
import { Sheet, show, tokenOfAddress } from "./account-frame.js";
import { PasswordField } from "./credentials.js";

/** @typedef {import("../shared/html.js").Child} Child */

const isOfNewAccount = location.pathname.startsWith("/sign-up");

/** @param {string} token */
async function confirm(token) {
    try {
        if (isOfNewAccount) {
            await post("/sign-up/confirm", { token });
            await welcome();
        } else {
            await post("/me/email/confirm", { token });
            showDone("email_confirmed", "/account");
        }
    } catch (thrown) {
        const problem = problemOf(thrown);
        if (isOfNewAccount && problem.code === "invalid" && problem.fields["password"]) {
            show(html`<${Elsewhere} token=${token} />`);
        } else {
            showProblem(problem);
        }
    }
}

/**
 * Another browser than the one that signed up: whoever sits here has to know the password that was chosen there.
 *
 * @param {{token: string}} given
 * @returns {Child}
 */
function Elsewhere({ token }) {
    const form = useForm({
        initial: { password: "" },
        check: ({ password }) => ({ password: password ? undefined : t("shared.field.missing") }),
        send: async ({ password }) => {
            try {
                await post("/sign-up/confirm", { token, password });
            } catch (thrown) {
                const problem = problemOf(thrown);
                if (problem.code !== "link_not_valid") {
                    throw problem;
                }
                showProblem(problem);
                return;
            }
            await welcome();
        },
    });
    return html`<${Sheet} isNext title=${t("account.confirm_here.title")} text=${t("account.confirm_here.text")}>
        <${FormBox} form=${form} label=${t("account.confirm_here.title")}>
            <${PasswordField} field=${form.field("password")} />
            <${SubmitButton} form=${form}>${t("account.confirm_here.confirm")}<//>
        <//>
    <//>`;
}

async function welcome() {
    setMe(await get("/me"));
    showDone("confirmed", remembered());
}

/**
 * @param {"confirmed" | "email_confirmed"} name
 * @param {string} next
 */
function showDone(name, next) {
    show(html`<${Sheet} isNext title=${t(`account.${name}.title`)} text=${t(`account.${name}.text`)}>
        <a class="button button-main" href=${next}>${t("shared.continue")}</a>
    <//>`);
}

/** @param {import("../shared/api.js").Problem} problem */
function showProblem(problem) {
    const isOld = problem.code === "link_not_valid" || problem.status === 400;
    show(html`<${Sheet} isNext title=${t(isOld ? "account.old_link.title" : "shared.failed.title")} text=${isOld ? t("account.old_link.text") : problem.text}>
        <a class="button button-main" href=${isOfNewAccount ? "/sign-up" : "/account"}>${t(isOfNewAccount ? "shared.sign_up" : "shared.account")}</a>
    <//>`);
}

/** Where this browser wanted to go when it signed up. */
function remembered() {
    try {
        const next = localStorage.getItem("bilten:next") ?? "/";
        localStorage.removeItem("bilten:next");
        return next;
    } catch {
        return "/";
    }
}

void confirm(tokenOfAddress());
