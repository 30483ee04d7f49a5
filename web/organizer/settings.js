// The organisation's profile as everybody sees it, and how its members have to sign in.
import { patch, read } from "../shared/api.js";
import { Checkbox, FormBox, SubmitButton, TextArea, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { withStepUp } from "../shared/page.js";
import { PageHead, Panel } from "../shared/parts.js";
import { toast, undoToast } from "../shared/toasts.js";
import { CloseOrganisation } from "./closing.js";
import { showOrganisation } from "./frame.js";
import { tell } from "../shared/list.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{id: string, name: string, slug: string, description: string, website: string, contact_email: string, require_second_factor: boolean, standing: string, version: number}} Organisation */

const PROFILE = /** @type {const} */ (["name", "slug", "description", "website", "contact_email"]);

/**
 * @param {{place: Place, given: Organisation}} given
 * @returns {Child}
 */
function Settings({ place, given }) {
    const [organisation, setOrganisation] = useState(given);
    const change = async (/** @type {Partial<Organisation>} */ changes) => {
        const { value } = await patch(place.api, changes, { version: organisation.version });
        const changed = /** @type {Organisation} */ (value);
        setOrganisation(changed);
        return changed;
    };
    const reload = async () => setOrganisation(/** @type {Organisation} */ ((await read(place.api)).value));
    const mayEdit = place.may("organisation.edit");
    return html`
        <${PageHead} title=${t("organizer.nav.settings")}><a class="button button-quiet" href=${`/o/${organisation.slug}`}>${t("organizer.public_page")}</a><//>
        ${organisation.standing === "suspended" && html`<div class="notice" data-tone="danger" role="status"><p>${t("team.settings.suspended")}</p></div>`}
        ${mayEdit
            ? html`<${Profile} key=${organisation.version} organisation=${organisation} onChange=${change} onReload=${reload} />
                  <${SecondFactor} place=${place} organisation=${organisation} onChange=${change} onReload=${reload} />`
            : html`<${ReadOnly} organisation=${organisation} />`}
        ${place.may("organisation.close") && html`<${CloseOrganisation} place=${place} organisation=${organisation} />`}
    `;
}

/**
 * @param {{organisation: Organisation, onChange: (changes: Partial<Organisation>) => Promise<Organisation>, onReload: () => Promise<void>}} given
 * @returns {Child}
 */
function Profile({ organisation, onChange, onReload }) {
    const form = useForm({
        initial: { ...organisation },
        check: ({ name, slug, website, contact_email: email }) => ({
            name: name.trim() ? undefined : t("shared.field.missing"),
            slug: /^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) ? undefined : t("organizer.wrong.slug"),
            website: website === "" || /^https?:\/\/\S+\.\S+$/.test(website.trim()) ? undefined : t("team.wrong.website"),
            contact_email: email === "" || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim()) ? undefined : t("shared.field.email"),
        }),
        send: async (values) => {
            const written = PROFILE.map((name) => /** @type {const} */ ([name, values[name].trim()]));
            const changes = Object.fromEntries(written.filter(([name, value]) => value !== organisation[name]));
            if (Object.keys(changes).length > 0) {
                await onChange(changes);
            }
            toast(t("shared.saved"));
        },
    });
    const isOld = form.problem?.code === "version_conflict";
    return html`<${Panel} id="profile" title=${t("team.settings.profile")} note=${t("team.settings.profile_text")}>
        <${FormBox} form=${form} label=${t("team.settings.profile")}>
            ${isOld && html`<div class="form-actions"><button type="button" class="button button-quiet" onClick=${onReload}>${t("organizer.conflict.theirs")}</button></div>`}
            <${TextField} ...${form.field("name")} label=${t("organizer.organisation_name")} maxlength="120" autocomplete="organization" dir="auto" />
            <${TextField} ...${form.field("slug")} label=${t("organizer.address")} hint=${t("team.settings.slug_hint")} before=${`${location.host}/o/`} maxlength="80" autocapitalize="none" spellcheck=${false} data-latin />
            <${TextArea} ...${form.field("description")} label=${t("team.settings.description")} hint=${t("organizer.event.description_note")} maxlength="20000" rows=${6} dir="auto" isOptional />
            <div class="form-row">
                <${TextField} ...${form.field("website")} label=${t("team.settings.website")} type="url" placeholder=${"https://"} maxlength="2048" isOptional />
                <${TextField} ...${form.field("contact_email")} label=${t("team.settings.contact")} type="email" maxlength="254" isOptional />
            </div>
            <div class="form-actions"><${SubmitButton} form=${form}>${t("shared.save")}<//></div>
        <//>
    <//>`;
}

/**
 * Requiring a second factor shuts out those who have none, so who has none can't begin with it.
 *
 * @param {{place: Place, organisation: Organisation, onChange: (changes: Partial<Organisation>) => Promise<Organisation>, onReload: () => Promise<void>}} given
 * @returns {Child}
 */
function SecondFactor({ place, organisation, onChange, onReload }) {
    const isOn = organisation.require_second_factor;
    const isMissing = !place.user.has_totp && place.user.passkeys === 0;
    const put = async (/** @type {boolean} */ wanted, isUndo = false) => {
        try {
            if (!(await withStepUp(() => onChange({ require_second_factor: wanted })))) {
                await onReload();
                return;
            }
            const text = t(wanted ? "team.settings.second_on" : "team.settings.second_off");
            if (isUndo) {
                toast(text);
            } else {
                undoToast(text, () => last.put?.(!wanted, true));
            }
        } catch (thrown) {
            tell(thrown);
            await onReload();
        }
    };
    last.put = put;
    return html`<${Panel} id="security" title=${t("team.settings.security")}>
        <${Checkbox} name="require_second_factor" label=${t("team.settings.second")} hint=${t("team.settings.second_text")} value=${isOn} disabled=${isMissing && !isOn} onValue=${(/** @type {boolean} */ wanted) => put(wanted)} />
        ${isMissing && !isOn && html`<p class="quiet small">${rich("team.settings.second_missing", { link: html`<a href="/account/security">${t("team.settings.second_link")}</a>` })}</p>`}
    <//>`;
}

// Undo is pressed after the view was drawn anew, and has to be based on the version that came with that.
const last = { put: /** @type {((wanted: boolean, isUndo: boolean) => Promise<void>) | null} */ (null) };

/**
 * @param {{organisation: Organisation}} given
 * @returns {Child}
 */
function ReadOnly({ organisation }) {
    const facts = [
        [t("organizer.organisation_name"), organisation.name],
        [t("team.settings.website"), organisation.website],
        [t("team.settings.contact"), organisation.contact_email],
    ];
    return html`<${Panel} id="profile" title=${t("team.settings.profile")}>
        <dl class="pairs">
            ${facts.filter(([, value]) => value).map(([name, value]) => html`<div><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>`)}
        </dl>
    <//>`;
}

void showOrganisation("settings", async (place) => {
    const { value } = await read(place.api);
    return html`<${Settings} place=${place} given=${value} />`;
});
