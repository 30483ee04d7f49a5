// A refusal in words for a buyer: what happened, and what to do now. The codes are those of the protocol.
import { count, longDate, money, plural, timeOfDay } from "../shared/formats.js";

/** @typedef {import("../shared/wire").Refused} Refused */
/** @typedef {{title: string, advice: string, most?: number}} Notice `most`: the quantity that can still be had */
/** @typedef {{timeZone: string, currency: string}} Context */

/** @type {Record<string, (refused: Refused, context: Context) => Notice>} */
const WORDS = {
    sale_not_open: () => ({
        title: "The sale hasn’t opened yet.",
        advice: "Your choice is kept. You can reserve the moment the countdown ends.",
    }),
    sale_paused: () => ({
        title: "The sale is paused.",
        advice: "Your choice is kept. Leave this page open: it goes on by itself when the organiser resumes.",
    }),
    sale_closed: () => ({ title: "The sale is over.", advice: "No more tickets are sold for this event." }),
    outside_sales_window: (refused, context) => windowWords(refused, context),
    quantity_out_of_range: (refused) => {
        const { quantity_min: least, quantity_max: most } = refused.details;
        const isTooFew = Number(refused.details["quantity"]) < Number(least);
        return {
            title: isTooFew ? `This ticket is sold from ${least} upwards.` : `You can take at most ${most} of these at once.`,
            advice: "Change the quantity and try again.",
        };
    },
    buyer_limit: (refused) => {
        const limit = Number(refused.details["limit"]);
        const has = Number(refused.details["has"] ?? 0);
        return {
            title: `Each person can have ${plural(limit, "ticket", "tickets")} for this event.`,
            advice: has > 0 ? `You already have ${count(has)}. Choose fewer and try again.` : "Choose fewer and try again.",
            most: Math.max(0, limit - has),
        };
    },
    sold_out: (refused) => {
        const free = Number(refused.details["free"] ?? 0);
        return free > 0
            ? { title: `Only ${count(free)} left.`, advice: "Someone was faster. Take what is left, or choose another ticket.", most: free }
            : {
                  title: "Someone was faster: these are gone.",
                  advice: "Reserved tickets that aren’t paid for come back here within minutes. This page shows them at once.",
              };
    },
    unknown_ticket_type: () => ({ title: "This ticket is no longer offered.", advice: "Load the page again to see what is." }),
    hold_expired: () => ({
        title: "Your reservation ran out.",
        advice: "You were not charged. If there are tickets left, you can reserve again.",
    }),
    hold_not_found: () => ({
        title: "This reservation is no longer there.",
        advice: "You were not charged. If there are tickets left, you can reserve again.",
    }),
    already_extended: () => ({ title: "This reservation was extended before.", advice: "It can be extended once." }),
    payment_declined: () => ({
        title: "The card was declined.",
        advice: "You were not charged and your tickets are still reserved. Try another card.",
    }),
    payment_unavailable: () => ({
        title: "The payment service doesn’t answer.",
        advice: "You were not charged and your tickets are still reserved. Try again in a moment.",
    }),
    price_changed: (refused, context) => ({
        title: "The price has changed.",
        advice:
            typeof refused.details["amount_minor"] === "number"
                ? `It is now ${money(refused.details["amount_minor"], context.currency)}. You were not charged.`
                : "You were not charged. Release this reservation and reserve again to see the new price.",
    }),
    busy: () => ({
        title: "Very many people are here right now.",
        advice: "Nothing is lost. Try again in a few seconds.",
    }),
    rate_limited: () => ({ title: "That was a little too fast.", advice: "Wait a few seconds, then try again." }),
    unauthenticated: () => ({ title: "Your visit has timed out.", advice: "Load the page again to go on." }),
};

/**
 * Return what to tell a buyer.
 *
 * @param {Refused} refused
 * @param {Context} context
 * @returns {Notice}
 */
export function words(refused, context) {
    const known = WORDS[refused.code];
    return known ? known(refused, context) : { title: refused.message, advice: "Try again, or load the page again." };
}

/**
 * @param {Refused} refused
 * @param {Context} context
 * @returns {Notice}
 */
function windowWords(refused, context) {
    const startsAt = refused.details["starts_at_ms"];
    if (typeof startsAt === "number") {
        const when = `${longDate(startsAt, context.timeZone)} at ${timeOfDay(startsAt, context.timeZone)}`;
        return { title: "This ticket isn’t on sale yet.", advice: `Its sale starts on ${when}.` };
    }
    return { title: "The sale of this ticket has ended.", advice: "Choose another ticket." };
}
