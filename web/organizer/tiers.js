// Prices that follow each other: each holds until so many are sold or a moment has come; after the last, the type's own.
import { TextField } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { amountText, minorOf } from "../shared/amounts.js";
import { TimeField } from "./time-field.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{number: number, name: string, price: string, quantity: string, ends_at: string}} WrittenTier */
/** @typedef {{number: number, name: string, price_minor: number, quantity: number | null, ends_at: string | null}} Tier */

/**
 * @param {readonly Record<string, any>[]} tiers
 * @param {string} currency
 * @returns {WrittenTier[]}
 */
export function written(tiers, currency) {
    return tiers.map((tier) => ({
        number: tier["number"],
        name: tier["name"],
        price: amountText(tier["price_minor"], currency),
        quantity: tier["quantity"] === null ? "" : String(tier["quantity"]),
        ends_at: tier["ends_at"] ?? "",
    }));
}

/**
 * @param {WrittenTier[]} tiers
 * @param {string} currency
 * @returns {Tier[]}
 */
export function meant(tiers, currency) {
    return tiers.map((tier) => ({
        number: tier.number,
        name: tier.name.trim(),
        price_minor: Number(minorOf(tier.price, currency)),
        quantity: tier.quantity ? Number(tier.quantity) : null,
        ends_at: tier.ends_at || null,
    }));
}

/**
 * Return what is wrong with the first tier that can't be meant.
 *
 * @param {WrittenTier[]} tiers
 * @param {string} currency
 */
export function wrongTier(tiers, currency) {
    for (const tier of tiers) {
        if (minorOf(tier.price, currency) === null) {
            return t("organizer.wrong.amount");
        }
        if (!/^([1-9]\d{0,6})?$/.test(tier.quantity)) {
            return t("shared.field.int_parsing");
        }
        if (!tier.quantity && !tier.ends_at) {
            return t("shared.field.reason.never_ends");
        }
    }
    return undefined;
}

/**
 * @param {{field: {value: WrittenTier[], wrong: string | undefined, onValue: (value: WrittenTier[]) => void}, currency: string, zone: string}} given
 * @returns {Child}
 */
export function Tiers({ field, currency, zone }) {
    const tiers = field.value;
    const set = (/** @type {number} */ at, /** @type {Partial<WrittenTier>} */ change) =>
        field.onValue(tiers.map((tier, one) => (one === at ? { ...tier, ...change } : tier)));
    // A number names its tier for ever: what was sold is counted under it.
    const add = () => field.onValue([...tiers, { number: Math.max(0, ...tiers.map((tier) => tier.number)) + 1, name: "", price: "", quantity: "", ends_at: "" }]);
    const drop = (/** @type {number} */ at) => field.onValue(tiers.filter((_, one) => one !== at));
    const tied = (/** @type {WrittenTier} */ tier, /** @type {number} */ at, /** @type {keyof WrittenTier} */ name) => ({
        id: `tier-${tier.number}-${name}`,
        name: `tier_${name}`,
        value: tier[name],
        label: t(`organizer.tier.${name}`),
        onValue: (/** @type {string} */ text) => set(at, { [name]: text }),
    });
    return html`<fieldset class="field" aria-describedby="tiers-hint tiers-wrong">
        <legend>${t("organizer.tier.title")}</legend>
        <p class="field-hint" id="tiers-hint">${t("organizer.tier.hint")}</p>
        ${tiers.map(
            (tier, at) => html`<div class="tier" key=${tier.number} role="group" aria-label=${t("organizer.tier.nth", { count: at + 1 })}>
                <${TextField} ...${tied(tier, at, "name")} maxlength="80" dir="auto" isOptional />
                <${TextField} ...${tied(tier, at, "price")} inputmode="decimal" after=${currency} maxlength="14" />
                <${TextField} ...${tied(tier, at, "quantity")} inputmode="numeric" maxlength="7" isOptional />
                <${TimeField} ...${tied(tier, at, "ends_at")} zone=${zone} isOptional />
                <button type="button" class="button button-plain" data-tone="danger" onClick=${() => drop(at)}>${t("shared.remove")}</button>
            </div>`,
        )}
        <p class="field-wrong" id="tiers-wrong" aria-live="polite">${field.wrong ?? ""}</p>
        <div><button type="button" class="button button-plain" onClick=${add}>${t("organizer.tier.add")}</button></div>
    </fieldset>`;
}
