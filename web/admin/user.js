// One user: what is known without knowing who it is, and, for a reason that is logged, who it is.
import { get, post, problemOf, remove } from "../shared/api.js";
import { ActionButton } from "../shared/forms.js";
import { ago, count, moment } from "../shared/formats.js";
import { html, useEffect, useState } from "../shared/html.js";
import { LANGUAGES, t } from "../shared/i18n.js";
import { withStepUp } from "../shared/page.js";
import { Badge, PageHead, Panel } from "../shared/parts.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { toast } from "../shared/toasts.js";
import { showPlatform } from "./frame.js";
import { askReason } from "./reason.js";
import { short } from "./references.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{id: string, state: string, created_at_ms: number, is_suspended: boolean, platform_role: string | null, has_second_factor: boolean, memberships: number, sessions: number}} UserRow */
/** @typedef {{id: string, device: string, created_at_ms: number, last_used_at_ms: number}} Session */
/** @typedef {{organisation: {id: string, slug: string, name: string}, standing: string, role: string, event: string | null}} Membership */
/** @typedef {{name: string, email: string, locale: string}} Person */

const SHOWN_MS = 120_000;

const tell = (/** @type {unknown} */ thrown) => toast(problemOf(thrown).text);

/**
 * @param {{place: Place, first: UserRow}} given
 * @returns {Child}
 */
function User({ place, first }) {
    const [user, setUser] = useState(first);
    const path = `/admin/users/${user.id}`;
    const isOwn = user.id === place.user.id;
    const change = async () => {
        const reason = await askReason({
            title: t(user.is_suspended ? "admin.user.unsuspend_title" : "admin.user.suspend_title"),
            text: user.is_suspended ? "" : t("admin.user.suspend_text"),
            button: t(user.is_suspended ? "admin.unsuspend" : "admin.suspend"),
            isDangerous: !user.is_suspended,
        });
        if (reason !== null) {
            const changed = /** @type {UserRow} */ ((await post(`${path}/${user.is_suspended ? "unsuspend" : "suspend"}`, { reason })).value);
            setUser(changed);
            toast(t(changed.is_suspended ? "admin.user.is_suspended" : "admin.user.is_active"));
        }
    };
    return html`
        <${PageHead} title=${t("admin.user.heading", { id: short(user.id) })}>
            ${place.may("platform.manage") &&
            !isOwn &&
            user.state === "active" &&
            html`<${ActionButton} kind=${user.is_suspended ? "button-quiet" : "button-danger"} onPress=${change} onProblem=${tell}>
                ${t(user.is_suspended ? "admin.unsuspend" : "admin.suspend")}
            <//>`}
        <//>
        <div class="admin-columns">
            <div class="stack">
                <${Facts} user=${user} />
                <${Organisations} path=${path} />
            </div>
            <div class="stack">
                ${user.state === "active" && place.may("people.reveal") && html`<${WhoThisIs} path=${path} />`}
                <${Sessions} key=${String(user.is_suspended)} place=${place} path=${path} />
            </div>
        </div>
    `;
}

/**
 * @param {{user: UserRow}} given
 * @returns {Child}
 */
function Facts({ user }) {
    const state = user.state !== "active" ? "users.erased" : user.is_suspended ? "suspended" : "active";
    const tone = user.state !== "active" ? "calm" : user.is_suspended ? "danger" : "good";
    const facts = [
        { name: t("admin.user.number"), value: html`<span class="mono breakable">${user.id}</span>` },
        { name: t("admin.state"), value: html`<${Badge} tone=${tone}>${t(`admin.${state}`)}<//>` },
        { name: t("admin.users.since"), value: moment(user.created_at_ms) },
        { name: t("admin.users.factor"), value: t(user.has_second_factor ? "admin.users.yes" : "admin.users.no") },
        { name: t("admin.user.role"), value: user.platform_role ? t(`admin.role.${user.platform_role}`) : t("admin.user.nobody") },
    ];
    return html`<${Panel} id="facts" title=${t("admin.user.facts")}>
        <dl class="pairs">${facts.map((fact) => html`<div><dt>${fact.name}</dt><dd>${fact.value}</dd></div>`)}</dl>
        <div class="form-actions">
            <a class="button button-plain" href=${`/admin/audit?target=${user.id}`}>${t("admin.user.done_to")}</a>
            <a class="button button-plain" href=${`/admin/audit?actor=${user.id}`}>${t("admin.user.done_by")}</a>
        </div>
    <//>`;
}

/**
 * Name and address, once somebody said why they need them; hidden again after a while, because screens are left alone.
 *
 * @param {{path: string}} given
 * @returns {Child}
 */
function WhoThisIs({ path }) {
    const [person, setPerson] = useState(/** @type {Person | null} */ (null));
    useEffect(() => {
        if (person !== null) {
            const timer = setTimeout(() => setPerson(null), SHOWN_MS);
            return () => clearTimeout(timer);
        }
        return undefined;
    }, [person]);
    const reveal = async () => {
        const reason = await askReason({
            title: t("admin.user.reveal_title"),
            text: t("admin.user.reveal_text"),
            button: t("admin.user.reveal"),
        });
        if (reason !== null) {
            setPerson(await withStepUp(async () => /** @type {Person} */ ((await post(`${path}/reveal`, { reason })).value)));
        }
    };
    if (person === null) {
        return html`<${Panel} id="person" title=${t("admin.user.person")} note=${t("admin.user.hidden")}>
            <div class="form-actions"><${ActionButton} onPress=${reveal} onProblem=${tell}>${t("admin.user.reveal")}<//></div>
        <//>`;
    }
    const language = LANGUAGES.find((one) => person.locale.startsWith(one.code))?.name ?? person.locale;
    return html`<${Panel} id="person" title=${t("admin.user.person")}>
        <p class="quiet" role="status">${t("admin.user.revealed")}</p>
        <dl class="pairs">
            <div><dt>${t("admin.user.name")}</dt><dd><bdi>${person.name}</bdi></dd></div>
            <div><dt>${t("admin.user.email")}</dt><dd><bdi class="breakable">${person.email}</bdi></dd></div>
            <div><dt>${t("admin.user.language")}</dt><dd>${language}</dd></div>
        </dl>
        <div class="form-actions"><${ActionButton} onPress=${async () => setPerson(null)}>${t("admin.user.hide")}<//></div>
    <//>`;
}

/**
 * @param {{place: Place, path: string}} given
 * @returns {Child}
 */
function Sessions({ place, path }) {
    const sessions = useResource(async () => /** @type {{items: Session[]}} */ (await get(`${path}/sessions`)).items);
    const end = async (/** @type {Session} */ session) => {
        await remove(`${path}/sessions/${session.id}`);
        toast(t("admin.user.ended"));
        await sessions.reload();
    };
    const endAll = async () => {
        const ended = /** @type {{count: number}} */ ((await remove(`${path}/sessions`)).value);
        toast(t("admin.user.all_ended", { count: ended.count }));
        await sessions.reload();
    };
    const mayEnd = place.may("platform.manage");
    return html`<${Panel} id="sessions" title=${t("admin.user.sessions")}>
        <${Loaded} resource=${sessions} skeleton=${html`<${Skeleton} lines=${3} />`}>
            ${(/** @type {Session[]} */ list) =>
                list.length === 0
                    ? html`<p class="quiet">${t("admin.user.no_sessions")}</p>`
                    : html`<ul class="rows">
                              ${list.map((one) => html`<${SessionRow} key=${one.id} session=${one} onEnd=${mayEnd ? () => end(one) : null} />`)}
                          </ul>
                          ${mayEnd &&
                          html`<div class="form-actions"><${ActionButton} kind="button-danger" onPress=${endAll} onProblem=${tell}>${t("admin.user.end_all")}<//></div>`}`}
        <//>
    <//>`;
}

/**
 * @param {{session: Session, onEnd: (() => Promise<void>) | null}} given
 * @returns {Child}
 */
function SessionRow({ session, onEnd }) {
    const device = session.device || t("admin.user.unknown_device");
    const now = Date.now();
    return html`<li>
        <div class="row-text">
            <strong><bdi>${device}</bdi></strong>
            <span>${t("admin.user.used", { when: ago(session.last_used_at_ms, now), since: ago(session.created_at_ms, now) })}</span>
        </div>
        ${onEnd &&
        html`<${ActionButton} kind="button-plain" tone="danger" aria-label=${t("admin.user.end_one", { device })} onPress=${onEnd} onProblem=${tell}>
            ${t("admin.user.end")}
        <//>`}
    </li>`;
}

/**
 * @param {{path: string}} given
 * @returns {Child}
 */
function Organisations({ path }) {
    const memberships = useResource(async () => /** @type {{items: Membership[]}} */ (await get(`${path}/memberships`)).items);
    const size = memberships.value?.length;
    const badge = size ? html`<${Badge}>${count(size)}<//>` : null;
    return html`<${Panel} id="organisations" title=${t("admin.user.organisations")} action=${badge}>
        <${Loaded} resource=${memberships} skeleton=${html`<${Skeleton} lines=${2} />`}>
            ${(/** @type {Membership[]} */ list) =>
                list.length === 0
                    ? html`<p class="quiet">${t("admin.user.no_organisations")}</p>`
                    : html`<ul class="rows">
                          ${list.map(
                              ({ organisation, role, event, standing }) => html`<li>
                                  <div class="row-text">
                                      <strong><a href=${`/o/${organisation.slug}`}><bdi>${organisation.name}</bdi></a></strong>
                                      <span>${t("admin.user.member", { role })}${event && html` · ${t("admin.user.one_event")}`}</span>
                                  </div>
                                  ${standing !== "active" && html`<${Badge} tone=${standing === "closed" ? "calm" : "danger"}>${t(`admin.${standing}`)}<//>`}
                              </li>`,
                          )}
                      </ul>`}
        <//>
    <//>`;
}

void showPlatform("users", async (place) => {
    const id = /^\/admin\/users\/(user_[0-9a-z]{26})/.exec(location.pathname)?.[1] ?? "";
    const first = /** @type {UserRow} */ (await get(`/admin/users/${id}`));
    return html`<${User} place=${place} first=${first} />`;
});
