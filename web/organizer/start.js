// Where organisers come in: on to the organisation they were at last, or the making of their first one.
import { post, problemOf } from "../shared/api.js";
import { FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, render } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { membershipOf, requireUser } from "../shared/page.js";
import { FailedPage } from "../shared/resource.js";
import { lastOrganisation } from "./frame.js";
import { slugOf } from "./slugs.js";

/** @typedef {import("../shared/html.js").Child} Child */

/**
 * @param {{isFirst: boolean}} given
 * @returns {Child}
 */
function NewOrganisation({ isFirst }) {
    const form = useForm({
        initial: { name: "", slug: "", is_own_slug: false },
        check: ({ name, slug }) => ({
            name: name.trim() ? undefined : t("shared.field.missing"),
            slug: /^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) ? undefined : t("organizer.wrong.slug"),
        }),
        send: async ({ name, slug }) => {
            /** @type {{id: string}} */
            const made = (await post("/organisations", { name: name.trim(), slug })).value;
            await membershipOf(made.id);
            location.assign(`/organizer/${made.id}/events`);
        },
    });
    const named = (/** @type {string} */ name) => {
        form.set("name", name);
        if (!form.values["is_own_slug"]) {
            form.set("slug", slugOf(name));
        }
    };
    const slugged = (/** @type {string} */ slug) => {
        form.set("is_own_slug", slug !== "");
        form.set("slug", slug);
    };
    return html`<section class="sheet" aria-labelledby="sheet-title">
        <header class="sheet-head">
            <h1 id="sheet-title">${t(isFirst ? "organizer.start.title" : "organizer.new_organisation")}</h1>
            <p>${t("organizer.start.text")}</p>
        </header>
        <${FormBox} form=${form} label=${t("organizer.new_organisation")}>
            <${TextField} ...${form.field("name")} onValue=${named} label=${t("organizer.organisation_name")} hint=${t("organizer.organisation_name_hint")} autocomplete="organization" maxlength="120" />
            <${TextField} ...${form.field("slug")} onValue=${slugged} label=${t("organizer.address")} hint=${t("organizer.address_hint")} before=${`${location.host}/o/`} maxlength="80" autocapitalize="none" spellcheck=${false} data-latin />
            <${SubmitButton} form=${form}>${t("organizer.start.button")}<//>
        <//>
    </section>`;
}

async function start() {
    const app = document.getElementById("app");
    if (!app) {
        return;
    }
    try {
        const user = await requireUser();
        const ids = user.memberships.map((one) => one.organisation.id);
        if (ids.length > 0 && !location.search.includes("new")) {
            const last = lastOrganisation();
            location.replace(`/organizer/${last && ids.includes(last) ? last : ids[0]}/events`);
            return;
        }
        app.replaceChildren();
        app.removeAttribute("aria-busy");
        render(html`<${NewOrganisation} isFirst=${ids.length === 0} />`, app);
    } catch (thrown) {
        app.replaceChildren();
        app.removeAttribute("aria-busy");
        render(html`<${FailedPage} problem=${problemOf(thrown)} />`, app);
    }
}

void start();
