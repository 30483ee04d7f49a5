// All users, without what they are called; somebody is found by the address that they say they have.
import { Problem, get, post } from "../shared/api.js";
import { FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { count, moment } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { More, useList } from "../shared/list.js";
import { Badge, PageHead, Table, Tabs } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { showPlatform } from "./frame.js";
import { Reference } from "./references.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{id: string, state: string, created_at_ms: number, is_suspended: boolean, platform_role: string | null, has_second_factor: boolean, memberships: number, sessions: number}} UserRow */
/** @typedef {import("./frame.js").ListPage<UserRow>} Users */

const LIMIT = 50;
const USER = /^user_[0-9a-z]{26}$/;
const ADDRESS_LENGTH_MAX = 254;

/** @returns {Child} */
function Find() {
    const form = useForm({
        initial: { email: "" },
        check: ({ email }) => ({ email: email.trim() ? undefined : t("shared.field.missing") }),
        send: async ({ email }) => {
            const wanted = email.trim();
            location.assign(`/admin/users/${USER.test(wanted) ? wanted : await userOf(wanted)}`);
        },
    });
    return html`<${FormBox} form=${form} class="admin-search">
        <${TextField} ...${form.field("email")} label=${t("admin.users.find_by")} type="text" inputmode="email" autocomplete="off" maxlength=${ADDRESS_LENGTH_MAX} />
        <${SubmitButton} form=${form} kind="button-quiet">${t("admin.users.find")}<//>
    <//>`;
}

/**
 * @param {string} email
 * @returns {Promise<string>} the number of the account
 */
async function userOf(email) {
    try {
        return /** @type {UserRow} */ ((await post("/admin/users/find", { email })).value).id;
    } catch (thrown) {
        if (thrown instanceof Problem && thrown.status === 404) {
            throw new Problem(404, { errors: [{ field: "email", message: t("admin.users.not_found") }] });
        }
        throw thrown;
    }
}

/** @returns {Child} */
function Users() {
    const [filter, setFilter] = useState("all");
    const list = useList(
        (cursor) => /** @type {Promise<Users>} */ (get("/admin/users", { only_suspended: filter === "suspended" || null, limit: LIMIT, cursor })),
        [filter],
    );
    const tabs = [
        { id: "all", label: t("admin.all") },
        { id: "suspended", label: t("admin.users.only_suspended") },
    ];
    return html`
        <${PageHead} title=${t("admin.users.title")} text=${t("admin.users.text")} />
        <${Find} />
        <${Tabs} label=${t("admin.users.title")} tabs=${tabs} chosen=${filter} onChoose=${setFilter} />
        <div role="tabpanel" id=${`panel-${filter}`} aria-labelledby=${`tab-${filter}`} class="stack">
            <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${4} />`}>
                ${(/** @type {Users} */ found) =>
                    found.items.length === 0
                        ? html`<p class="quiet empty">${t("admin.users.none")}</p>`
                        : html`<${Table} label=${t("admin.users.title")} columns=${COLUMNS} rows=${found.items} keyOf=${(/** @type {UserRow} */ one) => one.id} />
                              <${More} list=${list} />`}
            <//>
        </div>
    `;
}

/** @type {import("../shared/parts.js").Column<UserRow>[]} */
const COLUMNS = [
    { name: t("admin.who"), cell: (one) => html`<a href=${`/admin/users/${one.id}`}><${Reference} reference=${one.id} /></a>` },
    { name: t("admin.users.since"), cell: (one) => moment(one.created_at_ms) },
    {
        name: t("admin.state"),
        cell: (one) => html`<span class="admin-actions"><${State} user=${one} />${one.platform_role && html`<${Badge}>${t(`admin.role.${one.platform_role}`)}<//>`}</span>`,
    },
    { name: t("admin.users.factor"), cell: (one) => t(one.has_second_factor ? "admin.users.yes" : "admin.users.no") },
    { name: t("admin.users.organisations"), isNumber: true, cell: (one) => count(one.memberships) },
    { name: t("admin.users.sessions"), isNumber: true, cell: (one) => count(one.sessions) },
];

/**
 * @param {{user: UserRow}} given
 * @returns {Child}
 */
function State({ user }) {
    if (user.state !== "active") {
        return html`<${Badge}>${t("admin.users.erased")}<//>`;
    }
    return html`<${Badge} tone=${user.is_suspended ? "danger" : "good"}>${t(user.is_suspended ? "admin.suspended" : "admin.active")}<//>`;
}

void showPlatform("users", () => html`<${Users} />`);
