// Codes of an event: discounts, access to hidden types, and places kept for somebody.
import { get, post, problemOf, put, remove } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Choices, FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { money } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { locale, t } from "../shared/i18n.js";
import { Empty, Panel, Table } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { delayed, toast } from "../shared/toasts.js";
import { amountText, basisPointsOf, minorOf, percentText } from "../shared/amounts.js";
import { More, useList } from "../shared/list.js";
import { TimeField } from "./time-field.js";
import { NO_LIMITS, VoucherLimits, VoucherTypes, limitsOf, wrongLimits } from "./voucher-fields.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{held: number, used: number, left: number | null, block_left: number | null}} Uses */
/** @typedef {{voucher: string, version: number, code: string, batch: string, kind: string, percent_basis_points: number | null, amount_minor: number | null, is_per_order: boolean, per_buyer_max: number | null, quantity_min: number, starts_at: string | null, ends_at: string | null, uses: Uses | null, uses_max: number | null, ticket_types: string[], block_pool: string | null, block_quantity: number | null, is_retired: boolean}} Voucher */
/** @typedef {{path: string, event: import("./editor.js").EventDocument, tickets: import("./tickets.js").TicketsValue, may: boolean}} Given */

const SHOWN_AT_ONCE = 100;
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 2 });

/**
 * @param {Given} given
 * @returns {Child}
 */
export function Vouchers({ path, event, tickets, may }) {
    const [isNew, setNew] = useState(false);
    const [edited, setEdited] = useState(/** @type {Voucher | null} */ (null));
    const [hidden, setHidden] = useState(/** @type {string[]} */ ([]));
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Voucher>>} */ (get(`${path}/vouchers`, { limit: SHOWN_AT_ONCE, cursor })));
    const drop = (/** @type {Voucher} */ voucher) => {
        setHidden([...hidden, voucher.voucher]);
        const back = () => setHidden((before) => before.filter((one) => one !== voucher.voucher));
        const send = () =>
            remove(`${path}/vouchers/${voucher.voucher}`, { version: voucher.version }).catch((/** @type {unknown} */ thrown) => {
                toast(problemOf(thrown).text);
                back();
            });
        delayed(t("organizer.codes.removed", { code: named(voucher) }), send, back);
    };
    const columns = [
        { name: t("organizer.codes.code"), cell: (/** @type {Voucher} */ one) => one.code ? html`<span class="mono">${one.code}</span>` : html`<span class="quiet">${named(one)}</span>` },
        { name: t("organizer.codes.gives"), cell: (/** @type {Voucher} */ one) => gives(one, event.currency) },
        { name: t("organizer.codes.uses"), cell: (/** @type {Voucher} */ one) => html`<${UsesOf} voucher=${one} />` },
        {
            name: "",
            cell: (/** @type {Voucher} */ one) =>
                may &&
                html`<button type="button" class="button button-plain" aria-label=${t("organizer.codes.edit_one", { code: named(one) })} onClick=${() => setEdited(one)}>${t("organizer.codes.edit")}</button
                    ><button type="button" class="button button-plain" data-tone="danger" aria-label=${t("organizer.codes.remove_one", { code: named(one) })} onClick=${() => drop(one)}>${t("shared.remove")}</button>`,
        },
    ];
    const shown = (list.page.value?.items ?? []).filter((one) => !one.is_retired && !hidden.includes(one.voucher));
    const add = may && html`<button type="button" class="button button-quiet" onClick=${() => setNew(true)}>${t("organizer.codes.add")}</button>`;
    return html`
        <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${2} />`}>
            ${() =>
                shown.length === 0 && list.page.value?.next_cursor === null
                    ? html`<${Empty} title=${t("organizer.codes.none")} text=${t("organizer.codes.none_text")}>${add}<//>`
                    : html`<${Panel} id="codes" title=${t("organizer.editor.codes")} action=${add}>
                          <${Table} label=${t("organizer.editor.codes")} columns=${columns} rows=${shown} keyOf=${(/** @type {Voucher} */ one) => one.voucher} />
                          <${More} list=${list} />
                          <div class="form-actions"><a class="button button-plain" href=${`/api/v1${path}/vouchers.csv`} download>${t("organizer.codes.export")}</a></div>
                      <//>`}
        <//>
        ${isNew &&
        html`<${NewVoucher} path=${path} event=${event} tickets=${tickets} onClose=${() => setNew(false)} onDone=${() => (setNew(false), list.page.reload())} />`}
        ${edited &&
        html`<${EditVoucher} path=${path} event=${event} tickets=${tickets} voucher=${edited} onClose=${() => setEdited(null)} onDone=${() => (setEdited(null), list.page.reload())} />`}
    `;
}

/** A code, or that nobody can read it any more. @param {Voucher} voucher */
function named(voucher) {
    return voucher.code || t("organizer.codes.unreadable");
}

/**
 * How often a code is in use, as the sale counts it.
 *
 * @param {{voucher: Voucher}} given
 * @returns {Child}
 */
function UsesOf({ voucher }) {
    const { uses, uses_max: most } = voucher;
    if (uses === null) {
        return html`<span class="quiet">${t("organizer.codes.uses_unknown")}</span>`;
    }
    const left = most === null ? t("organizer.codes.unlimited") : t("organizer.codes.uses_left", { left: uses.left ?? 0, most });
    return html`<div>${left}<br /><span class="quiet">${t("organizer.codes.uses_now", { used: uses.used, held: uses.held })}${uses.block_left === null ? "" : ` · ${t("organizer.codes.block_left", { left: uses.block_left })}`}</span></div>`;
}

/**
 * @param {Voucher} voucher
 * @param {string} currency
 */
function gives(voucher, currency) {
    if (voucher.kind === "access") {
        return t("organizer.codes.gives_access");
    }
    if (voucher.kind === "block") {
        return t("organizer.codes.gives_block", { count: voucher.block_quantity ?? 0 });
    }
    const amount = voucher.percent_basis_points === null ? money(voucher.amount_minor ?? 0, currency) : percent.format(voucher.percent_basis_points / 10_000);
    return t(voucher.is_per_order ? "organizer.codes.off_order" : "organizer.codes.off_ticket", { amount });
}

// Of all codes together, nothing but the places they keep can be wrong.
const CALLED = { percent_basis_points: "amount", amount_minor: "amount", vouchers: "block_quantity" };

/**
 * @param {Omit<Given, "may"> & {onClose: () => void, onDone: () => void}} given
 * @returns {Child}
 */
function NewVoucher({ path, event, tickets, onClose, onDone }) {
    const form = useForm({
        initial: { kind: "discount", code: suggestion(), unit: "percent", amount: "", uses_max: "", count: "", batch: "", block_pool: tickets.pools[0]?.pool ?? "", block_quantity: "", ...NO_LIMITS },
        check: (given) => ({
            code: Number(given["count"]) > 1 || /^[0-9A-Za-z -]{3,60}$/.test(given["code"].trim()) ? undefined : t("organizer.wrong.code"),
            amount: given["kind"] !== "discount" || isAmount(given, event.currency) ? undefined : t("organizer.wrong.amount"),
            uses_max: /^\d*$/.test(given["uses_max"]) ? undefined : t("shared.field.int_parsing"),
            ...wrongLimits(given),
            count: /^\d*$/.test(given["count"]) ? undefined : t("shared.field.int_parsing"),
            block_quantity: given["kind"] !== "block" || /^[1-9]\d*$/.test(given["block_quantity"]) ? undefined : t("shared.field.int_parsing"),
        }),
        called: CALLED,
        send: async (given) => {
            const isBulk = Number(given["count"]) > 1;
            const body = { ...bodyOf(given, event.currency), ...(isBulk ? { count: Number(given["count"]), batch: given["batch"].trim() || given["code"].trim() } : { code: given["code"].trim() }) };
            await post(`${path}/vouchers${isBulk ? "/bulk" : ""}`, body);
            toast(t("organizer.codes.made", { count: isBulk ? Number(given["count"]) : 1 }));
            onDone();
        },
    });
    const { kind, unit } = form.values;
    return html`<${Dialog} title=${t("organizer.codes.add")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${Choices} ...${form.field("kind")} label=${t("organizer.codes.kind")} kind="cards" options=${["discount", "access", "block"].map((value) => ({ value, label: t(`organizer.codes.kind.${value}`) }))} />
            <${TextField} ...${form.field("code")} label=${t("organizer.codes.code")} hint=${t("organizer.codes.code_hint")} maxlength="60" autocapitalize="characters" spellcheck=${false} data-latin />
            ${kind === "discount" &&
            html`<div class="form-row">
                <${TextField} ...${form.field("amount")} label=${t("organizer.codes.amount")} inputmode="decimal" after=${unit === "percent" ? "%" : event.currency} />
                <${Select} ...${form.field("unit")} label=${t("organizer.codes.unit")} options=${["percent", "ticket", "order"].map((value) => ({ value, label: t(`organizer.codes.unit.${value}`) }))} />
            </div>`}
            ${kind === "block" &&
            html`<div class="form-row">
                <${Select} ...${form.field("block_pool")} label=${t("organizer.codes.pool")} options=${tickets.pools.map((pool) => ({ value: pool.pool ?? "", label: pool.name }))} />
                <${TextField} ...${form.field("block_quantity")} label=${t("organizer.codes.quantity")} inputmode="numeric" />
            </div>`}
            <${VoucherTypes} form=${form} tickets=${tickets} kind=${kind} />
            <${TextField} ...${form.field("uses_max")} label=${t("organizer.codes.uses_max")} hint=${t("organizer.codes.uses_hint")} inputmode="numeric" isOptional />
            <${VoucherLimits} form=${form} zone=${event.time_zone} />
            <details>
                <summary>${t("organizer.codes.bulk")}</summary>
                <div class="form-row">
                    <${TextField} ...${form.field("count")} label=${t("organizer.codes.count")} inputmode="numeric" maxlength="4" isOptional />
                    <${TextField} ...${form.field("batch")} label=${t("organizer.codes.batch")} maxlength="80" dir="auto" isOptional />
                </div>
            </details>
            <div class="form-actions"><${SubmitButton} form=${form}>${t("organizer.codes.add")}<//></div>
        <//>
    <//>`;
}

/**
 * What a code gives from the next reservation on. Its kind, and whose places it keeps, stay.
 *
 * @param {Omit<Given, "may"> & {voucher: Voucher, onClose: () => void, onDone: () => void}} given
 * @returns {Child}
 */
function EditVoucher({ path, event, tickets, voucher, onClose, onDone }) {
    const isPercent = voucher.percent_basis_points !== null;
    const amount = isPercent ? percentText(voucher.percent_basis_points ?? 0) : voucher.amount_minor === null ? "" : amountText(voucher.amount_minor, event.currency);
    const numberOf = (/** @type {number | null} */ value) => (value === null ? "" : String(value));
    const form = useForm({
        initial: {
            unit: isPercent ? "percent" : voucher.is_per_order ? "order" : "ticket",
            amount,
            uses_max: numberOf(voucher.uses_max),
            block_quantity: numberOf(voucher.block_quantity),
            ends_at: voucher.ends_at ?? "",
        },
        check: (given) => ({
            amount: voucher.kind !== "discount" || isAmount(given, event.currency) ? undefined : t("organizer.wrong.amount"),
            uses_max: /^\d*$/.test(given["uses_max"]) ? undefined : t("shared.field.int_parsing"),
            block_quantity: voucher.kind !== "block" || /^[1-9]\d*$/.test(given["block_quantity"]) ? undefined : t("shared.field.int_parsing"),
        }),
        called: CALLED,
        send: async (given) => {
            const { ticket_types, per_buyer_max, quantity_min, starts_at } = voucher;
            const kept = { kind: voucher.kind, ticket_types, per_buyer_max, quantity_min, starts_at, ends_at: given["ends_at"] || null };
            const said = bodyOf({ ...given, kind: voucher.kind, block_pool: voucher.block_pool, ticket_type: "" }, event.currency);
            await put(`${path}/vouchers/${voucher.voucher}`, { ...said, ...kept }, { version: voucher.version });
            toast(t("organizer.codes.changed", { code: named(voucher) }));
            onDone();
        },
    });
    const pool = tickets.pools.find((one) => one.pool === voucher.block_pool)?.name ?? "";
    return html`<${Dialog} title=${t("organizer.codes.edit_one", { code: named(voucher) })} onClose=${onClose}>
        <${FormBox} form=${form}>
            <p class="quiet">${t("organizer.codes.edit_text")}</p>
            ${voucher.kind === "discount" &&
            html`<div class="form-row">
                <${TextField} ...${form.field("amount")} label=${t("organizer.codes.amount")} inputmode="decimal" after=${form.values["unit"] === "percent" ? "%" : event.currency} />
                <${Select} ...${form.field("unit")} label=${t("organizer.codes.unit")} options=${["percent", "ticket", "order"].map((value) => ({ value, label: t(`organizer.codes.unit.${value}`) }))} />
            </div>`}
            ${voucher.kind === "block" && html`<${TextField} ...${form.field("block_quantity")} label=${`${t("organizer.codes.quantity")} · ${pool}`} inputmode="numeric" />`}
            <div class="form-row">
                <${TextField} ...${form.field("uses_max")} label=${t("organizer.codes.uses_max")} hint=${t("organizer.codes.uses_hint")} inputmode="numeric" isOptional />
                <${TimeField} ...${form.field("ends_at")} zone=${event.time_zone} label=${t("organizer.codes.ends_at")} isOptional />
            </div>
            <div class="form-actions"><${SubmitButton} form=${form}>${t("shared.save")}<//></div>
        <//>
    <//>`;
}

/**
 * @param {Record<string, any>} given
 * @param {string} currency
 */
function isAmount(given, currency) {
    const value = given["unit"] === "percent" ? basisPointsOf(given["amount"]) : minorOf(given["amount"], currency);
    return value !== null && value > 0;
}

/**
 * @param {Record<string, any>} given
 * @param {string} currency
 */
function bodyOf(given, currency) {
    const isPercent = given["unit"] === "percent";
    const discount = {
        percent_basis_points: isPercent ? basisPointsOf(given["amount"]) : null,
        amount_minor: isPercent ? null : minorOf(given["amount"], currency),
        is_per_order: given["unit"] === "order",
    };
    return {
        kind: given["kind"],
        ...(given["kind"] === "discount" ? discount : {}),
        ...(given["kind"] === "block" ? { block_pool: given["block_pool"], block_quantity: Number(given["block_quantity"]) } : {}),
        ...limitsOf(given),
        uses_max: given["uses_max"] ? Number(given["uses_max"]) : null,
    };
}

/** Letters and digits that are not taken for one another. */
function suggestion() {
    const letters = "ABCDEFGHJKMNPQRSTVWXYZ23456789";
    return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => letters[byte % letters.length]).join("");
}
