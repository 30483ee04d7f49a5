// What a ticket type costs, in words.
import { money } from "../shared/formats.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("./tickets.js").TicketType} TicketType */

/**
 * Return everything that a type costs, one price after the other.
 *
 * @param {TicketType} type
 * @param {string} currency
 */
export function allPrices(type, currency) {
    const first = type.tiers[0];
    return first ? t("organizer.tickets.then_price", { first: written(first["price_minor"], currency), last: written(type.price_minor, currency) }) : priceNow(type, currency, "UTC");
}

/**
 * Return what the first buyers pay, as the page of the event shows it: the first of prices that follow each other, the least
 * where buyers name it.
 *
 * @param {TicketType} type
 * @param {string} currency
 * @param {string} zone
 */
export function priceNow(type, currency, zone) {
    if (type.kind === "pay_what_you_want") {
        return t("organizer.tickets.from_price", { amount: written(type.price_min_minor ?? 0, currency) });
    }
    const now = clockIn(zone);
    const tier = type.tiers.find((one) => one["ends_at"] === null || one["ends_at"].slice(0, 16) > now);
    return written(tier?.["price_minor"] ?? type.price_minor, currency);
}

/** What clocks in a zone show now, as times are written: "2030-05-01T20:00". @param {string} zone */
function clockIn(zone) {
    return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format().replace(" ", "T");
}

/**
 * @param {number} minor
 * @param {string} currency
 */
function written(minor, currency) {
    return minor === 0 ? t("organizer.free") : money(minor, currency);
}
