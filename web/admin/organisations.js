// All organisations: looking one up, and keeping it from acting.
import { get, post, problemOf } from "../shared/api.js";
import { ActionButton, FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { More, useList } from "../shared/list.js";
import { Badge, PageHead, Table, Tabs } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { toast } from "../shared/toasts.js";
import { showPlatform } from "./frame.js";
import { askReason } from "./reason.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {"active" | "suspended" | "closed"} Standing */
/** @typedef {{id: string, name: string, slug: string, contact_email: string, require_second_factor: boolean, standing: Standing}} Organisation */
/** @typedef {import("./frame.js").ListPage<Organisation>} Organisations */

const LIMIT = 50;
/** @type {Record<Standing, import("../shared/parts.js").Tone>} */
const TONES = { active: "good", suspended: "danger", closed: "calm" };
// What is done to one that stands so.
const SWITCHES = /** @type {const} */ ({ active: "suspend", suspended: "unsuspend", closed: "reopen" });
const SEARCH_LENGTH_MAX = 100;

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function OrganisationList({ place }) {
    const [q, setQ] = useState("");
    const [filter, setFilter] = useState("all");
    const list = useList(
        (cursor) =>
            /** @type {Promise<Organisations>} */ (
                get("/admin/organisations", { q, standing: filter === "all" ? null : filter, limit: LIMIT, cursor })
            ),
        [q, filter],
    );
    const { page } = list;
    const form = useForm({ initial: { q: "" }, send: async (values) => setQ(values["q"].trim()) });
    const tabs = [
        { id: "all", label: t("admin.all") },
        { id: "suspended", label: t("admin.suspended") },
        { id: "closed", label: t("admin.closed") },
    ];
    const change = async (/** @type {Organisation} */ organisation) => {
        const changed = await switchOrganisation(organisation);
        if (changed) {
            list.edit((items) => items.map((one) => (one.id === changed.id ? changed : one)));
        }
    };
    return html`
        <${PageHead} title=${t("admin.organisations.title")} text=${place.may("platform.manage") ? null : t("admin.only_admins")} />
        <${FormBox} form=${form} class="admin-search">
            <${TextField} ...${form.field("q")} label=${t("admin.organisations.search")} type="search" maxlength=${SEARCH_LENGTH_MAX} isOptional />
            <${SubmitButton} form=${form} kind="button-quiet">${t("admin.organisations.find")}<//>
        <//>
        <${Tabs} label=${t("admin.organisations.title")} tabs=${tabs} chosen=${filter} onChoose=${setFilter} />
        <div role="tabpanel" id=${`panel-${filter}`} aria-labelledby=${`tab-${filter}`} class="stack">
            <${Loaded} resource=${page} skeleton=${html`<${Skeleton} kind="rows" lines=${4} />`}>
                ${(/** @type {Organisations} */ found) =>
                    found.items.length === 0
                        ? html`<p class="quiet empty">${t("admin.organisations.none")}</p>`
                        : html`<${Table} label=${t("admin.organisations.title")} columns=${columns(place, change)} rows=${found.items} keyOf=${(/** @type {Organisation} */ one) => one.id} />
                              <${More} list=${list} />`}
            <//>
        </div>
    `;
}

/**
 * @param {Place} place
 * @param {(organisation: Organisation) => Promise<void>} change
 * @returns {import("../shared/parts.js").Column<Organisation>[]}
 */
function columns(place, change) {
    return [
        {
            name: t("admin.organisations.name"),
            cell: (one) => html`<span class="admin-name">
                <a href=${`/o/${one.slug}`}><bdi>${one.name}</bdi></a>
                <span class="quiet small mono">/o/${one.slug}</span>
            </span>`,
        },
        { name: t("admin.organisations.contact"), cell: (one) => one.contact_email && html`<bdi class="breakable">${one.contact_email}</bdi>` },
        {
            name: t("admin.organisations.factor"),
            cell: (one) => t(one.require_second_factor ? "admin.organisations.required" : "admin.organisations.not_required"),
        },
        {
            name: t("admin.state"),
            cell: (one) => html`<${Badge} tone=${TONES[one.standing]}>${t(`admin.${one.standing}`)}<//>`,
        },
        {
            name: t("admin.actions"),
            cell: (one) => html`<span class="admin-actions">
                <a class="button button-plain" href=${`/admin/audit?organisation=${one.id}`} aria-label=${t("admin.see_log_of", { name: one.name })}>${t("admin.see_log")}</a>
                ${place.may("platform.manage") &&
                html`<${ActionButton}
                    kind="button-plain"
                    tone=${one.standing === "active" ? "danger" : undefined}
                    aria-label=${t(`admin.organisations.${SWITCHES[one.standing]}_one`, { name: one.name })}
                    onPress=${() => change(one)}
                    onProblem=${(/** @type {unknown} */ thrown) => toast(problemOf(thrown).text)}
                >
                    ${t(`admin.${SWITCHES[one.standing]}`)}
                <//>`}
            </span>`,
        },
    ];
}

/**
 * @param {Organisation} organisation
 * @returns {Promise<Organisation | null>} as it is now; null when nobody gave a reason
 */
async function switchOrganisation({ id, name, standing }) {
    const taken = SWITCHES[standing];
    const reason = await askReason({
        title: t(`admin.organisations.${taken}_title`, { name }),
        text: taken === "unsuspend" ? "" : t(`admin.organisations.${taken}_text`),
        button: t(`admin.${taken}`),
        isDangerous: taken === "suspend",
    });
    if (reason === null) {
        return null;
    }
    const changed = /** @type {Organisation} */ ((await post(`/admin/organisations/${id}/${taken}`, { reason })).value);
    toast(t(changed.standing === "suspended" ? "admin.organisations.is_suspended" : "admin.organisations.is_active", { name }));
    return changed;
}

void showPlatform("organisations", (place) => html`<${OrganisationList} place=${place} />`);
