// One ticket type: what it is called, what it costs, where its places come from, and who may have how many when.
import { Checkbox, Checkboxes, Choices, FormBox, Select, SubmitButton, TextArea, TextField, useForm } from "../shared/forms.js";
import { Dialog } from "../shared/dialog.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { amountText, basisPointsOf, minorOf, percentText } from "../shared/amounts.js";
import { TimeField } from "./time-field.js";
import { Days } from "./type-days.js";
import { Tiers, meant, written, wrongTier } from "./tiers.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./tickets.js").TicketType} TicketType */

/** @type {TicketType} */
const FRESH = {
    ticket_type: null,
    name: "",
    description: "",
    kind: "fixed",
    price_minor: 0,
    price_min_minor: null,
    pools: [],
    quantity_min: 1,
    quantity_max: 10,
    buyer_limit: null,
    sales_start: null,
    sales_end: null,
    is_hidden: false,
    is_retired: false,
    tax_basis_points: 0,
    fee_plan: "included",
    valid_days: [],
    tiers: [],
};

/**
 * @param {{tickets: import("./tickets.js").TicketsDocument, event: import("./editor.js").EventDocument, at: number, onClose: () => void, onRemove: () => void}} given
 * @returns {Child}
 */
export function TypeDialog({ tickets, event, at, onClose, onRemove }) {
    const value = tickets.value.peek();
    const present = value.ticket_types[at];
    const type = present ?? FRESH;
    const form = useForm({
        initial: {
            ...type,
            price: present ? amountText(type.price_minor, event.currency) : "",
            price_min: type.price_min_minor === null ? "" : amountText(type.price_min_minor, event.currency),
            quantity_min: String(type.quantity_min),
            quantity_max: String(type.quantity_max),
            buyer_limit: type.buyer_limit === null ? "" : String(type.buyer_limit),
            sales_start: type.sales_start ?? "",
            sales_end: type.sales_end ?? "",
            tax: type.tax_basis_points === 0 ? "" : percentText(type.tax_basis_points),
            valid_days: [...type.valid_days],
            tiers: written(type.tiers, event.currency),
            // The first type makes its pool by the way.
            pools: present ? [...type.pools] : value.pools.length > 0 ? [0] : [],
            capacity: value.pools.length === 0 ? "100" : "",
        },
        check: (given) => ({
            name: given["name"].trim() ? undefined : t("shared.field.missing"),
            price: given["kind"] === "free" || minorOf(given["price"], event.currency) !== null ? undefined : t("organizer.wrong.amount"),
            price_min: given["kind"] !== "pay_what_you_want" || minorOf(given["price_min"] || "0", event.currency) !== null ? undefined : t("organizer.wrong.amount"),
            pools: value.pools.length === 0 || given["pools"].length > 0 ? undefined : t("organizer.wrong.pools"),
            tax: basisPointsOf(given["tax"] || "0") !== null ? undefined : t("organizer.wrong.percent"),
            tiers: given["kind"] === "fixed" ? wrongTier(given["tiers"], event.currency) : undefined,
            capacity: value.pools.length > 0 || /^\d{1,7}$/.test(given["capacity"]) ? undefined : t("shared.field.int_parsing"),
            quantity_min: /^[1-9]\d{0,4}$/.test(given["quantity_min"]) ? undefined : t("shared.field.int_parsing"),
            quantity_max: /^[1-9]\d{0,4}$/.test(given["quantity_max"]) ? undefined : t("shared.field.int_parsing"),
            buyer_limit: /^([1-9]\d{0,4})?$/.test(given["buyer_limit"]) ? undefined : t("shared.field.int_parsing"),
        }),
        called: Object.fromEntries(
            Object.entries({ price_minor: "price", price_min_minor: "price_min", name: "name", pools: "pools", tiers: "tiers", quantity_min: "quantity_min", quantity_max: "quantity_max", buyer_limit: "buyer_limit", sales_start: "sales_start", sales_end: "sales_end", tax_basis_points: "tax", valid_days: "valid_days" }).map(
                ([theirs, ours]) => [`ticket_types.${at}.${theirs}`, ours],
            ).concat([["pools.0.capacity", "capacity"]]),
        ),
        send: async (given) => {
            const isFree = given["kind"] === "free";
            /** @type {TicketType} */
            const made = {
                ...type,
                name: given["name"].trim(),
                description: given["description"].trim(),
                kind: given["kind"],
                price_minor: isFree ? 0 : Number(minorOf(given["price"], event.currency)),
                price_min_minor: given["kind"] === "pay_what_you_want" ? Number(minorOf(given["price_min"] || "0", event.currency)) : null,
                pools: value.pools.length === 0 ? [0] : [...given["pools"]].sort((a, b) => a - b),
                quantity_min: Number(given["quantity_min"]),
                quantity_max: Number(given["quantity_max"]),
                buyer_limit: given["buyer_limit"] ? Number(given["buyer_limit"]) : null,
                sales_start: given["sales_start"] || null,
                sales_end: given["sales_end"] || null,
                is_hidden: given["is_hidden"],
                tax_basis_points: isFree ? 0 : Number(basisPointsOf(given["tax"] || "0")),
                fee_plan: given["fee_plan"],
                valid_days: [...given["valid_days"]].sort(),
                tiers: given["kind"] === "fixed" ? meant(given["tiers"], event.currency) : [],
            };
            const types = [...value.ticket_types];
            types[at] = made;
            const pools = value.pools.length > 0 ? value.pools : [{ pool: null, name: made.name, capacity: Number(given["capacity"]) }];
            await tickets.change({ ticket_types: types, pools });
            onClose();
        },
    });
    const kind = form.values["kind"];
    return html`<${Dialog} title=${present ? type.name : t("organizer.tickets.add_type")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${TextField} ...${form.field("name")} label=${t("organizer.type.name")} placeholder=${t("organizer.type.name_example")} maxlength="120" dir="auto" autofocus />
            <${Choices}
                ...${form.field("kind")}
                label=${t("organizer.type.kind")}
                kind="cards"
                options=${["fixed", "free", "pay_what_you_want"].map((one) => ({ value: one, label: t(`organizer.type.kind.${one}`) }))}
            />
            ${kind !== "free" &&
            html`<div class="form-row">
                <${TextField} ...${form.field("price")} label=${t(kind === "fixed" ? "organizer.type.price" : "organizer.type.suggested")} inputmode="decimal" after=${event.currency} maxlength="14" />
                ${kind === "pay_what_you_want" && html`<${TextField} ...${form.field("price_min")} label=${t("organizer.type.at_least")} inputmode="decimal" after=${event.currency} maxlength="14" isOptional />`}
            </div>`}
            ${value.pools.length === 0
                ? html`<${TextField} ...${form.field("capacity")} label=${t("organizer.type.capacity")} hint=${t("organizer.type.capacity_hint")} inputmode="numeric" />`
                : html`<${PoolChoices} pools=${value.pools} field=${form.field("pools")} />`}
            <details open=${hasMore(type)}>
                <summary>${t("organizer.type.more")}</summary>
                <div class="form">
                    <${TextArea} ...${form.field("description")} label=${t("organizer.type.description")} maxlength="1000" dir="auto" isOptional />
                    ${kind === "fixed" && html`<${Tiers} field=${form.field("tiers")} currency=${event.currency} zone=${event.time_zone} />`}
                    <div class="form-row">
                        <${TextField} ...${form.field("quantity_min")} label=${t("organizer.type.quantity_min")} inputmode="numeric" />
                        <${TextField} ...${form.field("quantity_max")} label=${t("organizer.type.quantity_max")} inputmode="numeric" />
                    </div>
                    <${TextField} ...${form.field("buyer_limit")} id="type-buyer-limit" label=${t("organizer.type.buyer_limit")} hint=${t("organizer.type.buyer_limit_hint")} inputmode="numeric" maxlength="5" isOptional />
                    <div class="form-row">
                        <${TimeField} ...${form.field("sales_start")} zone=${event.time_zone} label=${t("organizer.type.sales_start")} isOptional />
                        <${TimeField} ...${form.field("sales_end")} zone=${event.time_zone} label=${t("organizer.type.sales_end")} isOptional />
                    </div>
                    <${Days} event=${event} field=${form.field("valid_days")} />
                    ${kind !== "free" &&
                    html`<div class="form-row">
                        <${TextField} ...${form.field("tax")} label=${t("organizer.type.tax")} hint=${t("organizer.type.tax_hint")} inputmode="decimal" after="%" maxlength="5" isOptional />
                        <${Select}
                            ...${form.field("fee_plan")}
                            label=${t("organizer.type.fee_plan")}
                            hint=${t("organizer.type.fee_plan_hint")}
                            options=${["included", "on_top"].map((value) => ({ value, label: t(`organizer.type.fee_plan.${value}`) }))}
                        />
                    </div>`}
                    <${Checkbox} ...${form.field("is_hidden")} label=${t("organizer.type.is_hidden")} hint=${t("organizer.type.is_hidden_hint")} />
                </div>
            </details>
            <div class="form-actions">
                <${SubmitButton} form=${form}>${t("shared.save")}<//>
                ${present && html`<button type="button" class="button button-plain" data-tone="danger" onClick=${onRemove}>${t("shared.remove")}</button>`}
            </div>
        <//>
    <//>`;
}

/** Say whether a type has anything that is not said of most. @param {TicketType} type */
function hasMore(type) {
    return type.tiers.length > 0 || type.buyer_limit !== null || type.valid_days.length > 0 || type.tax_basis_points > 0 || type.sales_start !== null || type.sales_end !== null;
}

/**
 * @param {{pools: import("./tickets.js").Pool[], field: {value: number[], wrong: string | undefined, onValue: (value: number[]) => void}}} given
 * @returns {Child}
 */
function PoolChoices({ pools, field }) {
    const options = pools.map((pool, at) => ({
        value: at,
        label: html`<span class="series-dot" data-series=${(at % 6) + 1}></span> <bdi>${pool.name}</bdi>`,
    }));
    return html`<${Checkboxes} ...${field} id="pools" label=${t("organizer.type.pools")} hint=${t("organizer.type.pools_hint")} options=${options} />`;
}
