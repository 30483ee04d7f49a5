// One entry of the audit log: who did what to what, what changed, and, on demand, from where.
import { changes } from "../shared/changes.js";
import { exactMoment } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { Reference, short } from "./references.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./audit-filters.js").AuditFilters} AuditFilters */

/**
 * @typedef {object} AuditEntry
 * @property {string | null} organisation in whose log it stands; null for the platform's
 * @property {number} seq
 * @property {number} at_ms
 * @property {string} actor
 * @property {string} action
 * @property {string} target
 * @property {Record<string, any>} before
 * @property {Record<string, any>} after
 * @property {string} address
 * @property {string} user_agent
 * @property {string} hash
 */

/**
 * @param {{entry: AuditEntry, onNarrow: (by: Partial<AuditFilters>) => void}} given
 * @returns {Child}
 */
export function Entry({ entry, onNarrow }) {
    const { organisation } = entry;
    const by = entry.actor === "system" ? t("admin.audit.system") : html`<${Thing} reference=${entry.actor} onPress=${() => onNarrow({ actor: entry.actor })} />`;
    return html`<li class="entry">
        <p class="entry-head">
            <${Narrow} what=${entry.action} onPress=${() => onNarrow({ action: entry.action })} kind="entry-action">${entry.action}<//>
            <time datetime=${new Date(entry.at_ms).toISOString()}>${exactMoment(entry.at_ms)}</time>
        </p>
        <p class="entry-who">
            <span>${rich("admin.audit.by", { actor: by })}</span>
            ${entry.target &&
            html`<svg class="entry-arrow" viewBox="0 0 24 24" aria-hidden="true"><path d="M5 12h14M13 6.500l5.500 5.500-5.500 5.500" /></svg>
                <${Thing} reference=${entry.target} onPress=${() => onNarrow({ target: entry.target })} />`}
            ${organisation === null
                ? html`<span class="badge">${t("admin.audit.platform")}</span>`
                : organisation === entry.target
                  ? html`<span class="badge">${t("admin.audit.own_log")}</span>`
                  : html`<${Thing} reference=${organisation} onPress=${() => onNarrow({ log: "organisation", organisation })} />`}
        </p>
        <${Changes} before=${entry.before} after=${entry.after} />
        <details class="entry-details">
            <summary class="small">${t("admin.audit.details", { number: entry.seq })}</summary>
            <dl class="pairs small">
                <div><dt>${t("admin.audit.actor")}</dt><dd><span class="mono breakable">${entry.actor}</span></dd></div>
                <div><dt>${t("admin.audit.target")}</dt><dd><span class="mono breakable">${entry.target}</span></dd></div>
                ${entry.address && html`<div><dt>${t("admin.audit.address")}</dt><dd><span class="mono breakable">${entry.address}</span></dd></div>`}
                ${entry.user_agent && html`<div><dt>${t("admin.audit.device")}</dt><dd><bdi class="breakable" lang="en">${entry.user_agent}</bdi></dd></div>`}
                <div><dt>${t("admin.audit.hash")}</dt><dd><span class="mono breakable">${entry.hash}</span></dd></div>
            </dl>
        </details>
    </li>`;
}

/**
 * A user leads to their page, everything else to what the log has of it.
 *
 * @param {{reference: string, onPress: () => void}} given
 * @returns {Child}
 */
function Thing({ reference, onPress }) {
    return reference.startsWith("user_")
        ? html`<a href=${`/admin/users/${reference}`}><${Reference} reference=${reference} /></a>`
        : html`<${Narrow} what=${reference} onPress=${onPress}><${Reference} reference=${reference} /><//>`;
}

/**
 * @param {{what: string, onPress: () => void, kind?: string, children?: Child}} given
 * @returns {Child}
 */
function Narrow({ what, onPress, kind = "", children }) {
    const label = t("admin.audit.only_this", { what: short(what) });
    return html`<button type="button" class=${`entry-narrow mono ${kind}`} title=${label} onClick=${onPress}>${children}</button>`;
}

/**
 * @param {{before: Record<string, any>, after: Record<string, any>}} given
 * @returns {Child}
 */
function Changes({ before, after }) {
    const found = changes(before, after);
    if (found.length === 0) {
        return null;
    }
    return html`<dl class="entry-changes">
        ${found.map(
            (one) => html`<div key=${one.name}>
                <dt class="mono breakable">${one.name}</dt>
                <dd>
                    ${one.before !== undefined && html`<del><bdi>${shown(one.name, one.before)}</bdi></del>`} ${one.after !== undefined && html`<ins><bdi>${shown(one.name, one.after)}</bdi></ins>`}
                </dd>
            </div>`,
        )}
    </dl>`;
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function shown(name, value) {
    if (typeof value === "number" && name.endsWith("_at_ms")) {
        return exactMoment(value);
    }
    if (value === null || value === "") {
        return t("admin.audit.nothing");
    }
    return typeof value === "string" ? value : JSON.stringify(value);
}
