// The link of a mail that confirms an address: of a new account, or the new one of an account.
import { get, post, problemOf } from "../shared/api.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { setMe } from "../shared/page.js";
import { Sheet, show, tokenOfAddress } from "./account-frame.js";

const isOfNewAccount = location.pathname.startsWith("/sign-up");

async function confirm() {
    const token = tokenOfAddress();
    try {
        /** @type {{is_signed_in?: boolean}} */
        const answer = (await post(isOfNewAccount ? "/sign-up/confirm" : "/me/email/confirm", { token })).value ?? {};
        if (isOfNewAccount && answer.is_signed_in) {
            setMe(await get("/me"));
        }
        const name = isOfNewAccount ? (answer.is_signed_in ? "confirmed" : "confirmed_elsewhere") : "email_confirmed";
        const next = isOfNewAccount ? (answer.is_signed_in ? remembered() : "/sign-in") : "/account";
        show(html`<${Sheet} isNext title=${t(`account.${name}.title`)} text=${t(`account.${name}.text`)}>
            <a class="button button-main" href=${next}>${t(answer.is_signed_in || !isOfNewAccount ? "shared.continue" : "shared.sign_in")}</a>
        <//>`);
    } catch (thrown) {
        const problem = problemOf(thrown);
        const isOld = problem.code === "link_not_valid" || problem.status === 400;
        show(html`<${Sheet} isNext title=${t(isOld ? "account.old_link.title" : "shared.failed.title")} text=${isOld ? t("account.old_link.text") : problem.text}>
            <a class="button button-main" href=${isOfNewAccount ? "/sign-up" : "/account"}>${t(isOfNewAccount ? "shared.sign_up" : "shared.account")}</a>
        <//>`);
    }
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

void confirm();
