// What a code is limited to: tickets, a time, how often one person may use it, and how many tickets it takes.
import { Checkboxes, TextField } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { TimeField } from "./time-field.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/forms.js").Form} Form */

/** What these fields begin with. */
export const NO_LIMITS = { ticket_types: /** @type {string[]} */ ([]), per_buyer_max: "", quantity_min: "", starts_at: "", ends_at: "" };

/**
 * @param {Record<string, any>} given
 * @returns {Record<string, string | undefined>}
 */
export function wrongLimits(given) {
    const isCount = (/** @type {string} */ text) => (/^([1-9]\d{0,4})?$/.test(text) ? undefined : t("shared.field.int_parsing"));
    return { per_buyer_max: isCount(given["per_buyer_max"]), quantity_min: isCount(given["quantity_min"]) };
}

/** What the API is told of them. @param {Record<string, any>} given */
export function limitsOf(given) {
    return {
        ticket_types: given["ticket_types"] ?? [],
        per_buyer_max: given["per_buyer_max"] ? Number(given["per_buyer_max"]) : null,
        quantity_min: given["quantity_min"] ? Number(given["quantity_min"]) : 1,
        starts_at: given["starts_at"] || null,
        ends_at: given["ends_at"] || null,
    };
}

/**
 * @param {{form: Form, tickets: import("./tickets.js").TicketsValue, kind: string}} given
 * @returns {Child}
 */
export function VoucherTypes({ form, tickets, kind }) {
    const types = tickets.ticket_types.filter((type) => type.ticket_type !== null);
    const options = types.map((type) => ({ value: type.ticket_type, label: html`<bdi>${type.name}</bdi>` }));
    const hint = t(kind === "access" ? "organizer.codes.for_hidden_hint" : "organizer.codes.for_all_hint");
    return html`<${Checkboxes} ...${form.field("ticket_types")} id="codes-for" label=${t("organizer.codes.for")} hint=${hint} options=${options} />`;
}

/**
 * @param {{form: Form, zone: string}} given
 * @returns {Child}
 */
export function VoucherLimits({ form, zone }) {
    return html`<details>
        <summary>${t("organizer.codes.limits")}</summary>
        <div class="form">
            <div class="form-row">
                <${TimeField} ...${form.field("starts_at")} zone=${zone} label=${t("organizer.codes.from")} isOptional />
                <${TimeField} ...${form.field("ends_at")} zone=${zone} label=${t("organizer.codes.until")} isOptional />
            </div>
            <div class="form-row">
                <${TextField} ...${form.field("per_buyer_max")} label=${t("organizer.codes.per_buyer")} hint=${t("organizer.codes.per_buyer_hint")} inputmode="numeric" maxlength="5" isOptional />
                <${TextField} ...${form.field("quantity_min")} label=${t("organizer.codes.least")} hint=${t("organizer.codes.least_hint")} inputmode="numeric" maxlength="5" isOptional />
            </div>
        </div>
    </details>`;
}
