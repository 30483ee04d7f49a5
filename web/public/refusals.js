// A refusal in words for a buyer: what happened, and what to do now. The codes are those of the protocol.
import { longDate, money, timeOfDay } from "../shared/formats.js";
import { has, t } from "../shared/i18n.js";

/** @typedef {import("../shared/wire").Refused} Refused */
/** @typedef {{title: string, advice: string, most?: number}} Notice `most`: the quantity that can still be had */
/** @typedef {{timeZone: string, currency: string}} Context */

/**
 * What goes into the sentences of a refusal, where they need more than its details.
 *
 * @type {Record<string, (refused: Refused, context: Context) => {kind?: string, most?: number, values?: Record<string, any>}>}
 */
const VALUES = {
    outside_sales_window: (refused, context) => {
        if (refused.details["reason"] === "retired") {
            return { kind: "ended" };
        }
        const startsAt = refused.details["starts_at_ms"];
        return typeof startsAt === "number"
            ? { values: { date: longDate(startsAt, context.timeZone), time: timeOfDay(startsAt, context.timeZone) } }
            : { kind: "ended" };
    },
    quantity_out_of_range: (refused) => ({
        kind: Number(refused.details["quantity"]) < Number(refused.details["quantity_min"]) ? "few" : "many",
        values: { least: Number(refused.details["quantity_min"]), most: Number(refused.details["quantity_max"]) },
    }),
    buyer_limit: (refused) => {
        const limit = Number(refused.details["limit"]);
        const has = Number(refused.details["has"] ?? 0);
        return { values: { limit, has }, most: Math.max(0, limit - has) };
    },
    sold_out: (refused) => {
        const free = Number(refused.details["free"] ?? 0);
        return free > 0 ? { kind: "some", values: { free }, most: free } : {};
    },
    invalid: (refused) => ({ kind: String(refused.details["field"]) }),
    voucher_used_up: (refused) => ("per_buyer_max" in refused.details ? { kind: "yours" } : {}),
    voucher_not_applicable: (refused) => ({
        kind: String(refused.details["reason"]),
        values: { least: Number(refused.details["quantity_min"] ?? 1) },
    }),
    price_out_of_range: (refused, context) => {
        const least = refused.details["price_min_minor"];
        return typeof least === "number" ? { kind: "least", values: { amount: money(least, context.currency) } } : {};
    },
    price_changed: (refused, context) => {
        const amount = refused.details["amount_minor"];
        return typeof amount === "number" ? { kind: "known", values: { amount: money(amount, context.currency) } } : {};
    },
};

/**
 * Return what to tell a buyer.
 *
 * @param {Refused} refused
 * @param {Context} context
 * @returns {Notice}
 */
export function words(refused, context) {
    const { kind, most, values } = VALUES[refused.code]?.(refused, context) ?? {};
    const key = ["event.refused", refused.code, kind].filter(Boolean).join(".");
    return has(`${key}.title`)
        ? { title: t(`${key}.title`, values), advice: t(`${key}.advice`, values), ...(most === undefined ? {} : { most }) }
        : { title: shortly(refused), advice: t("event.refused.other") };
}

/** @param {Refused} refused */
function shortly(refused) {
    const key = `shared.problem.${refused.code}`;
    const seconds = Math.ceil((refused.retry_after_ms ?? 1000) / 1000);
    return has(key) ? t(key, { seconds, ...refused.details }) : refused.message;
}
