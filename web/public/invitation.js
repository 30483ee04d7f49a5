// The link of an invitation to an organisation: accepted by who is signed in.
import { post } from "../shared/api.js";
import { ActionButton, FormProblem } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { membershipOf, requireUser } from "../shared/page.js";
import { Sheet, showWhenReady, tokenOfAddress } from "./account-frame.js";

/** @typedef {import("../shared/html.js").Child} Child */

const KEPT = "bilten:invitation";

/**
 * @param {{token: string, email: string}} given
 * @returns {Child}
 */
function Invitation({ token, email }) {
    const [problem, setProblem] = useState(/** @type {import("../shared/api.js").Problem | null} */ (null));
    const accept = async () => {
        /** @type {{organisation: string, event: string | null}} */
        const joined = (await post("/invitations/accept", { token })).value;
        forget();
        await membershipOf(joined.organisation);
        location.replace(`/organizer/${joined.organisation}/events${joined.event ? `/${joined.event}` : ""}`);
    };
    return html`<${Sheet} title=${t("account.invitation.title")} text=${rich("account.invitation.text", { email: html`<bdi><strong>${email}</strong></bdi>` })}>
        <${FormProblem} problem=${problem} />
        <${ActionButton} kind="button-main" onPress=${accept} onProblem=${setProblem}>${t("account.invitation.button")}<//>
    <//>`;
}

/** The token is kept over signing in: the way back has no #. */
function kept() {
    const given = tokenOfAddress();
    try {
        if (given) {
            sessionStorage.setItem(KEPT, given);
        }
        return given || (sessionStorage.getItem(KEPT) ?? "");
    } catch {
        return given;
    }
}

function forget() {
    try {
        sessionStorage.removeItem(KEPT);
    } catch {
        // There is nothing to forget.
    }
}

void showWhenReady(async () => {
    const token = kept();
    const user = await requireUser();
    if (!token) {
        return html`<${Sheet} title=${t("account.old_link.title")} text=${t("account.old_link.text")} />`;
    }
    return html`<${Invitation} token=${token} email=${user.email} />`;
});
