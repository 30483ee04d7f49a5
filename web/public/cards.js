// The sandbox's card form: test numbers, and what the payment provider's form would give for each. No real card number
// ever leaves this file: only the token is sent.

import { western } from "../shared/amounts.js";
import { t } from "../shared/i18n.js";

/** @typedef {{number: string, token: string, effect: string}} TestCard `effect`: the message that says it */
/** @typedef {{number: string, expiry: string, cvc: string}} CardFields */
/** @typedef {keyof CardFields} FieldName */

/** @type {readonly TestCard[]} */
export const TEST_CARDS = [
    { number: "4242 4242 4242 4242", token: "card_ok", effect: "event.card.pays" },
    { number: "4000 0000 0000 0002", token: "card_declined", effect: "event.card.is_declined" },
    { number: "4000 0000 0000 3220", token: "card_slow", effect: "event.card.pays_slowly" },
];

const CARD_DIGITS = 16;

/**
 * Return what there is of digits in a text, however they are written.
 *
 * @param {string} text
 */
export function digitsOf(text) {
    return western(text).replace(/\D/g, "");
}

/**
 * Return digits in groups of four, as they stand on a card.
 *
 * @param {string} text
 */
export function groupNumber(text) {
    const digits = digitsOf(text).slice(0, CARD_DIGITS);
    return digits.replace(/(.{4})(?=.)/g, "$1 ");
}

/**
 * Return "MM / YY" as far as it is typed.
 *
 * @param {string} text
 * @param {boolean} isDeleting
 */
export function groupExpiry(text, isDeleting) {
    let digits = digitsOf(text).slice(0, 4);
    if (digits.length === 1 && digits > "1") {
        digits = `0${digits}`;
    }
    return digits.length >= 2 && !(isDeleting && digits.length === 2)
        ? `${digits.slice(0, 2)} / ${digits.slice(2)}`.trimEnd() + (digits.length === 2 ? " " : "")
        : digits;
}

/**
 * Return what is wrong, by field; an empty record means that the form can be sent.
 *
 * @param {CardFields} fields
 * @param {number} nowMs by the server's clock
 * @returns {Partial<Record<FieldName, string>>}
 */
export function problems(fields, nowMs) {
    /** @type {Partial<Record<FieldName, string>>} */
    const found = {};
    const digits = digitsOf(fields.number);
    if (digits.length < CARD_DIGITS) {
        found.number = t("event.card.wrong_number");
    } else if (!tokenOf(fields.number)) {
        found.number = t("event.card.not_a_test");
    }
    const expiry = /^(0[1-9]|1[0-2]) ?\/? ?(\d\d)$/.exec(fields.expiry.trim());
    if (!expiry) {
        found.expiry = t("event.card.wrong_expiry");
    } else if (Date.UTC(2000 + Number(expiry[2]), Number(expiry[1]), 1) <= nowMs) {
        found.expiry = t("event.card.expired");
    }
    if (!/^\d{3,4}$/.test(fields.cvc)) {
        found.cvc = t("event.card.wrong_cvc");
    }
    return found;
}

/**
 * Return the token of a test card, undefined for any other number.
 *
 * @param {string} number
 */
export function tokenOf(number) {
    const digits = digitsOf(number);
    return TEST_CARDS.find((card) => digitsOf(card.number) === digits)?.token;
}
