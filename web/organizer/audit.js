// The organisation's audit log: who changed what, when and from where, newest first. Nothing in it can be changed.
import { get } from "../shared/api.js";
import { changes } from "../shared/changes.js";
import { Select, TextField } from "../shared/forms.js";
import { moment } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { has, rich, t } from "../shared/i18n.js";
import { Empty, PageHead, Panel } from "../shared/parts.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { useEvents } from "./event-names.js";
import { showOrganisation } from "./frame.js";
import { More, everything, useList } from "../shared/list.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{seq: number, at_ms: number, actor: string, action: string, target: string, before: Record<string, unknown>, after: Record<string, unknown>, address: string, user_agent: string, hash: string}} Entry */
/** @typedef {Map<string, string>} Names what is called how, by TypeID */

const KINDS = ["organisation", "member", "invitation", "key", "device", "venue", "event", "voucher", "series", "people"];
const DAY_MS = 86_400_000;

/** A day as the reader's own clock has it, at its begin. @param {string} day */
function startOf(day) {
    return day ? new Date(`${day}T00:00`).getTime() : null;
}

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Audit({ place }) {
    const asked = new URLSearchParams(location.search);
    const [filter, setFilter] = useState({
        actor: asked.get("actor") ?? "",
        kind: asked.get("kind") ?? "",
        target: asked.get("target") ?? "",
        from: "",
        to: "",
    });
    const set = (/** @type {Partial<typeof filter>} */ change) => setFilter({ ...filter, ...change });
    const people = usePeople(place);
    const events = useEvents(place);
    const names = new Map([...people.map((one) => /** @type {const} */ ([one.value, one.label])), ...events.map((one) => /** @type {const} */ ([one.event, one.title])), /** @type {const} */ ([place.id, place.name])]);
    const to = startOf(filter.to);
    const query = {
        actor: filter.actor,
        action: filter.kind && `${filter.kind}.`,
        target: filter.target,
        from_ms: startOf(filter.from),
        to_ms: to === null ? null : to + DAY_MS,
    };
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Entry>>} */ (get(`${place.api}/audit`, { ...query, cursor })), [JSON.stringify(query)]);
    const isFiltered = Object.values(filter).some(Boolean);
    const anybody = { value: "", label: t("team.audit.anybody") };
    const anything = { value: "", label: t("team.audit.anything") };
    return html`
        <${PageHead} title=${t("organizer.nav.audit")} text=${t("team.audit.text")} />
        <form class="audit-filters" role="search" aria-label=${t("team.audit.filters")} onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
            ${people.length > 0 && html`<${Select} name="actor" label=${t("team.audit.who")} value=${filter.actor} onValue=${(/** @type {string} */ actor) => set({ actor })} options=${[anybody, ...people]} isOptional=${false} />`}
            <${Select} name="kind" label=${t("team.audit.what")} value=${filter.kind} onValue=${(/** @type {string} */ kind) => set({ kind })} options=${[anything, ...KINDS.map((value) => ({ value, label: t(`team.audit.kind.${value}`) }))]} />
            <${Select} name="target" label=${t("team.audit.target")} value=${filter.target} onValue=${(/** @type {string} */ target) => set({ target })} options=${[anything, ...events.map((one) => ({ value: one.event, label: one.title }))]} />
            <${TextField} name="from" label=${t("team.audit.from")} type="date" value=${filter.from} onValue=${(/** @type {string} */ from) => set({ from })} />
            <${TextField} name="to" label=${t("team.audit.to")} type="date" value=${filter.to} onValue=${(/** @type {string} */ day) => set({ to: day })} />
        </form>
        <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${4} />`}>
            ${(/** @type {import("../shared/list.js").Part<Entry>} */ found) =>
                found.items.length === 0
                    ? html`<${Empty} title=${t("team.audit.none")} text=${isFiltered ? t("team.audit.none_filtered") : undefined} icon="M13 8h22v32H13zM19 17h10M19 24h10M19 31h7" />`
                    : html`<${Panel} id="audit" title=${t("team.audit.changes")}>
                          <ol class="rows audit">
                              ${found.items.map((entry) => html`<${EntryRow} key=${entry.seq} entry=${entry} names=${names} />`)}
                          </ol>
                          <${More} list=${list} />
                      <//>`}
        <//>
    `;
}

/**
 * @param {Place} place
 * @returns {{value: string, label: string}[]}
 */
function usePeople(place) {
    const may = place.may("members.read");
    const people = useResource(async () => /** @type {{user: string, name: string, email: string}[]} */ (may ? await everything(`${place.api}/members`) : []));
    const found = new Map((people.value ?? []).map((one) => [one.user, one.name || one.email]));
    return [...found].map(([value, label]) => ({ value, label }));
}

/**
 * @param {{entry: Entry, names: Names}} given
 * @returns {Child}
 */
function EntryRow({ entry, names }) {
    const who = html`<strong><${Thing} id=${entry.actor} names=${names} /></strong>`;
    const phrase = `team.did.${entry.action}`;
    return html`<li>
        <div class="row-text">
            <p class="audit-said">
                ${has(phrase) ? rich(phrase, { who }) : html`${who} <span class="mono">${entry.action}</span>`} <${Target} entry=${entry} names=${names} />
            </p>
            <span><time datetime=${new Date(entry.at_ms).toISOString()}>${moment(entry.at_ms)}</time></span>
            <details class="audit-more">
                <summary>${t("team.audit.details")}</summary>
                <${Changes} before=${entry.before} after=${entry.after} names=${names} />
                <dl class="pairs">
                    <div><dt>${t("team.audit.address")}</dt><dd class="mono">${entry.address || "–"}</dd></div>
                    <div><dt>${t("team.audit.browser")}</dt><dd><bdi>${entry.user_agent || "–"}</bdi></dd></div>
                    <div><dt>${t("team.audit.hash")}</dt><dd class="mono audit-hash">${entry.hash}</dd></div>
                </dl>
            </details>
        </div>
    </li>`;
}

/**
 * @param {{before: Record<string, unknown>, after: Record<string, unknown>, names: Names}} given
 * @returns {Child}
 */
function Changes({ before, after, names }) {
    const fields = changes(before, after);
    if (fields.length === 0) {
        return null;
    }
    return html`<div class="table-scroll audit-changes" tabindex="0" role="region" aria-label=${t("team.audit.changes")}>
        <table class="table">
            <thead>
                <tr><th scope="col">${t("team.audit.field")}</th><th scope="col">${t("team.audit.before")}</th><th scope="col">${t("team.audit.after")}</th></tr>
            </thead>
            <tbody>
                ${fields.map(
                    (field) => html`<tr key=${field.name}>
                        <th scope="row"><span class="mono">${field.name}</span></th>
                        <td><bdi>${worded(field.name, field.before, names)}</bdi></td>
                        <td><bdi>${worded(field.name, field.after, names)}</bdi></td>
                    </tr>`,
                )}
            </tbody>
        </table>
    </div>`;
}

/**
 * @param {string} field
 * @param {unknown} value
 * @param {Names} names
 */
function worded(field, value, names) {
    if (value === undefined || value === null || value === "") {
        return "–";
    }
    if (field.endsWith("_ms") && typeof value === "number") {
        return moment(value);
    }
    if (field === "role" && has(`team.role.${value}`)) {
        return t(`team.role.${value}`);
    }
    return typeof value === "string" ? (names.get(value) ?? value) : JSON.stringify(value);
}

/**
 * What it was done to: by its name, for people by their role, because who they are is not in the log.
 *
 * @param {{entry: Entry, names: Names}} given
 * @returns {Child}
 */
function Target({ entry, names }) {
    const { target, before, after } = entry;
    if (target === entry.actor || target === "") {
        return null;
    }
    const role = after["role"] ?? before["role"];
    if (/^(member|invite)_/.test(target)) {
        return typeof role === "string" && has(`team.role.${role}`) ? html`(${t(`team.role.${role}`)})` : null;
    }
    if (target.startsWith("voucher_")) {
        return html`<${Thing} id=${String(after["event"] ?? before["event"] ?? target)} names=${names} />`;
    }
    const name = after["name"] ?? before["name"];
    return typeof name === "string" && !names.has(target) ? html`<bdi>${name}</bdi>` : html`<${Thing} id=${target} names=${names} />`;
}

/**
 * Somebody or something by its name, or, where that is not known here, by its identifier.
 *
 * @param {{id: string, names: Names}} given
 * @returns {Child}
 */
function Thing({ id, names }) {
    if (id === "system") {
        return t("team.audit.system");
    }
    const name = names.get(id);
    return name ? html`<bdi>${name}</bdi>` : html`<span class="mono audit-id" title=${id}>${id.length > 16 ? `${id.slice(0, id.indexOf("_") + 1)}…${id.slice(-6)}` : id}</span>`;
}

void showOrganisation("audit", (place) => html`<${Audit} place=${place} />`);
