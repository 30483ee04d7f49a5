// What is looked for in the audit log, in the page's address and in its form.
import { FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */

/**
 * What is looked for; "" leaves something open.
 *
 * @typedef {object} AuditFilters
 * @property {string} action how it begins
 * @property {string} actor
 * @property {string} target
 * @property {string} log "", "platform", or "organisation" with its number
 * @property {string} organisation
 * @property {string} from a day in the reader's zone, such as 2026-11-22
 * @property {string} to the last day
 */

const REFERENCE = /^([a-z_]+_[0-9a-z]{26}|[a-z_0-9]{1,80})$/;
const ORGANISATION = /^org_[0-9a-z]{26}$/;
const ACTION = /^[a-z_.]{1,60}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** @type {AuditFilters} */
const EMPTY = { action: "", actor: "", target: "", log: "", organisation: "", from: "", to: "" };

// What actions begin with; the form offers them.
const BEGINNINGS = ["device.", "event.", "flag.", "invitation.", "key.", "member.", "organisation.", "people.", "platform.", "series.", "user.", "venue.", "voucher."];

/**
 * Return what the address of the page looks for. What can't be meant is left out.
 *
 * @param {string} search
 * @returns {AuditFilters}
 */
export function filtersOf(search) {
    const given = new URLSearchParams(search);
    const taken = (/** @type {string} */ name, /** @type {RegExp} */ form) => {
        const value = given.get(name) ?? "";
        return form.test(value) ? value : "";
    };
    const organisation = taken("organisation", ORGANISATION);
    const log = organisation ? "organisation" : given.get("log") === "platform" ? "platform" : "";
    return {
        action: taken("action", ACTION),
        actor: taken("actor", REFERENCE),
        target: taken("target", REFERENCE),
        log,
        organisation,
        from: taken("from", DAY),
        to: taken("to", DAY),
    };
}

/**
 * Return what the API is asked.
 *
 * @param {AuditFilters} filters
 */
export function queryOf(filters) {
    const isOne = filters.log === "organisation";
    return {
        action: filters.action,
        actor: filters.actor,
        target: filters.target,
        only_platform: filters.log === "platform" || null,
        organisation: isOne ? filters.organisation : null,
        from_ms: filters.from ? startOf(filters.from, 0) : null,
        to_ms: filters.to ? startOf(filters.to, 1) : null,
    };
}

/**
 * Return when a day begins in the reader's zone.
 *
 * @param {string} day
 * @param {number} later by how many days
 */
function startOf(day, later) {
    const [year = 1970, month = 1, date = 1] = day.split("-").map(Number);
    return Math.max(0, new Date(year, month - 1, date + later).getTime());
}

/**
 * @param {{filters: AuditFilters, onSearch: (filters: AuditFilters) => void}} given
 * @returns {Child}
 */
export function Filters({ filters, onSearch }) {
    const form = useForm({
        initial: filters,
        check: (values) => wrongOf(trimmed(values)),
        send: async (values) => onSearch(trimmed(values)),
    });
    const isEmpty = Object.values(filters).every((value) => value === "");
    // On a phone the form would take the whole screen before anything is found.
    const isOpen = !isEmpty || matchMedia("(min-width: 48rem)").matches;
    return html`<details class="panel admin-fold" open=${isOpen}>
        <summary>${t("admin.audit.filters")}</summary>
        <${FormBox} form=${form} label=${t("admin.audit.filters")}>
        <div class="admin-filters">
            <${TextField} ...${form.field("action")} label=${t("admin.audit.action")} placeholder=${EXAMPLES.action} list="actions" dir="ltr" autocomplete="off" autocapitalize="none" isOptional />
            <${TextField} ...${form.field("actor")} label=${t("admin.audit.actor")} placeholder=${EXAMPLES.actor} dir="ltr" autocomplete="off" autocapitalize="none" isOptional />
            <${TextField} ...${form.field("target")} label=${t("admin.audit.target")} placeholder=${EXAMPLES.target} dir="ltr" autocomplete="off" autocapitalize="none" isOptional />
            <${Select} ...${form.field("log")} label=${t("admin.audit.log")} options=${LOGS.map((one) => ({ value: one, label: t(`admin.audit.log_${one || "all"}`) }))} />
            ${form.values["log"] === "organisation" &&
            html`<${TextField} ...${form.field("organisation")} label=${t("admin.audit.organisation")} dir="ltr" autocomplete="off" autocapitalize="none" />`}
            <${TextField} ...${form.field("from")} label=${t("admin.audit.from")} type="date" isOptional />
            <${TextField} ...${form.field("to")} label=${t("admin.audit.to")} type="date" isOptional />
        </div>
        <datalist id="actions">${BEGINNINGS.map((one) => html`<option value=${one}></option>`)}</datalist>
        <div class="form-actions">
            <${SubmitButton} form=${form} kind="button-quiet">${t("admin.audit.search")}<//>
            ${!isEmpty && html`<button type="button" class="button button-plain" onClick=${() => onSearch(EMPTY)}>${t("admin.audit.clear")}</button>`}
        </div>
        <//>
    </details>`;
}

const LOGS = ["", "platform", "organisation"];
const EXAMPLES = { action: "member.", actor: "user_…", target: "event_…" };

/**
 * @param {Record<string, any>} values
 * @returns {AuditFilters}
 */
function trimmed(values) {
    const text = (/** @type {string} */ name) => String(values[name] ?? "").trim();
    const log = text("log");
    return {
        action: text("action").toLowerCase(),
        actor: text("actor").toLowerCase(),
        target: text("target").toLowerCase(),
        log,
        organisation: log === "organisation" ? text("organisation").toLowerCase() : "",
        from: text("from"),
        to: text("to"),
    };
}

/** @param {AuditFilters} filters */
function wrongOf(filters) {
    const isOne = filters.log === "organisation";
    const reference = (/** @type {string} */ value) => (value && !REFERENCE.test(value) ? t("admin.audit.wrong_number") : undefined);
    return {
        action: filters.action && !ACTION.test(filters.action) ? t("admin.audit.wrong_action") : undefined,
        actor: reference(filters.actor),
        target: reference(filters.target),
        organisation: isOne && !ORGANISATION.test(filters.organisation) ? t("admin.audit.wrong_number") : undefined,
        to: filters.from && filters.to && filters.to < filters.from ? t("admin.audit.wrong_order") : undefined,
    };
}
