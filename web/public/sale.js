// What the page knows of the event and its sale: the catalogue that came with the page, and the live state.
import { computed, signal } from "../shared/html.js";

/** @typedef {import("../shared/wire").EventState} EventState */
/** @typedef {import("../shared/wire").TypeAvailability} TypeAvailability */

/**
 * @typedef {object} TicketTypeData
 * @property {string} ticket_type
 * @property {string} name
 * @property {string} description
 * @property {number} price_minor
 * @property {number} quantity_min
 * @property {number} quantity_max
 * @property {number | null} sales_start_ms
 * @property {number | null} sales_end_ms
 * @property {number} tax_basis_points the tax that is in the price, in hundredths of a percent
 * @property {readonly string[]} valid_days the days on which it lets in; none is all
 */

/**
 * @typedef {object} EventData
 * @property {string} event
 * @property {string} slug
 * @property {string} title
 * @property {string} summary
 * @property {string} description_html made safe by the server
 * @property {string} organiser
 * @property {string} organisation the organiser's part of an address
 * @property {string} venue_name
 * @property {string} address
 * @property {string} city
 * @property {string} country
 * @property {number} starts_at_ms
 * @property {number | null} ends_at_ms
 * @property {number | null} doors_at_ms
 * @property {string} time_zone
 * @property {string} currency
 * @property {string} image_url
 * @property {readonly string[]} tags
 * @property {string} image_alt
 * @property {readonly string[]} images
 * @property {string} cancelled_reason
 * @property {number | null} opens_at_ms
 * @property {string} status
 * @property {number} buyer_limit
 * @property {number} extension_seconds by how much a reservation can be extended, once
 * @property {TicketTypeData[]} ticket_types
 * @property {import("./questions.js").QuestionData[]} questions
 */

/**
 * A code that the buyer has typed, and what it is good for.
 *
 * @typedef {{code: string, found: import("../shared/wire").Unlocked}} KnownCode
 */

/**
 * What the sale is at, as the buyer sees it.
 *
 * @typedef {"draft" | "unannounced" | "before" | "open" | "sold_out" | "paused" | "closed"} Stage
 */

export const FEW_LEFT = 10;
// Picking more than this at once is the organizer's business.
const QUANTITY_MAX = 10_000;
// An event without an end is over this long after its start, as on the server.
const ENDLESS_MS = 24 * 3_600_000;

export class Sale {
    /** Live state; null until the first one has come. */
    state = signal(/** @type {EventState | null} */ (null));

    codes = signal(/** @type {KnownCode[]} */ ([]));

    /** How many tickets for this event the buyer has bought. */
    owned = signal(0);

    /** @type {Map<string, number>} the most that was free of each type since the page was opened */
    widest = new Map();

    /**
     * @param {EventData} event
     * @param {import("../shared/html.js").ReadonlySignal<number>} time the server's, ticking
     */
    constructor(event, time) {
        this.event = event;
        this.time = time;
        this.opensAt = computed(() => this.state.value?.opens_at_ms ?? event.opens_at_ms ?? 0);
        /** Everything that this buyer can choose from: what all see, and what codes show. */
        this.types = computed(() => [...event.ticket_types, ...this.codes.value.flatMap(({ found }) => found.unlocked.map(unlockedType))]);
        this.isCancelled = computed(() => (this.state.value?.status ?? event.status) === "cancelled");
        // Computed of the ticking time, but changes, and redraws, only when the stage does.
        this.stage = computed(() => this.#stage());
    }

    /** @param {EventState} state */
    take(state) {
        for (const one of state.ticket_types) {
            this.widest.set(one.ticket_type, Math.max(one.free, this.widest.get(one.ticket_type) ?? 0));
        }
        this.state.value = state;
    }

    /** @returns {Stage} */
    #stage() {
        if (this.event.status === "draft") {
            return "draft";
        }
        const state = this.state.value;
        // Until the first live state has come there is the event's own status, which knows of no pause.
        const status = state?.status ?? "unknown";
        if (state === null && this.event.status === "sold_out") {
            return "sold_out";
        }
        if (this.isCancelled.value) {
            return "closed";
        }
        if (status === "closed" || status === "paused") {
            return status;
        }
        const isOver = this.time.value >= (this.event.ends_at_ms ?? this.event.starts_at_ms + ENDLESS_MS);
        if (isOver && !state?.ticket_types.some((one) => one.is_on_sale)) {
            return "closed";
        }
        const opensAt = this.opensAt.value;
        if (status !== "open" && !opensAt) {
            return "unannounced";
        }
        if (this.time.value < opensAt) {
            return "before";
        }
        const shown = this.codes.value.flatMap(({ found }) => found.unlocked.map((one) => one.availability));
        const all = state === null ? [] : [...state.ticket_types, ...shown];
        if (all.some((one) => one.free > 0 && !this.#isPast(one))) {
            return "open";
        }
        // As the server has it: a type whose sale is over has nothing to buy, and nothing sold out is only over.
        return all.some((one) => one.free === 0) ? "sold_out" : all.length > 0 ? "closed" : "open";
    }

    /** @param {TypeAvailability} one */
    #isPast(one) {
        const end = this.type(one.ticket_type)?.sales_end_ms ?? null;
        return !one.is_on_sale && end !== null && end <= this.time.value;
    }

    /**
     * @param {string} ticketType
     * @returns {TypeAvailability | undefined}
     */
    availability(ticketType) {
        return this.state.value?.ticket_types.find((one) => one.ticket_type === ticketType) ?? this.#unlocked(ticketType);
    }

    /** @param {string} ticketType */
    type(ticketType) {
        return this.types.value.find((one) => one.ticket_type === ticketType);
    }

    /**
     * What codes show is in no push: it is as true as when the code was asked for.
     *
     * @param {string} ticketType
     */
    #unlocked(ticketType) {
        const shown = this.codes.value.flatMap(({ found }) => found.unlocked);
        return shown.find((one) => one.availability.ticket_type === ticketType)?.availability;
    }

    /**
     * Return what one more ticket of a type costs: what the buyer names, where the type lets them.
     *
     * @param {TicketTypeData} type
     * @param {Record<string, number>} named
     */
    price(type, named) {
        const available = this.availability(type.ticket_type);
        const suggested = available?.price_minor ?? type.price_minor;
        return available?.price_min_minor == null ? suggested : (named[type.ticket_type] ?? suggested);
    }

    /**
     * Return how many of a type can be chosen now, given what else is in the cart.
     *
     * @param {TicketTypeData} type
     * @param {number} others how many of other types are chosen
     */
    most(type, others) {
        const free = this.availability(type.ticket_type)?.free ?? QUANTITY_MAX;
        const most = Math.min(type.quantity_max, free, this.event.buyer_limit - this.owned.value - others);
        return most >= type.quantity_min ? most : 0;
    }
}

/**
 * @param {import("../shared/wire").UnlockedType} shown
 * @returns {TicketTypeData}
 */
function unlockedType(shown) {
    return {
        ticket_type: shown.availability.ticket_type,
        name: shown.name,
        description: shown.description,
        price_minor: shown.availability.price_minor,
        quantity_min: shown.quantity_min,
        quantity_max: shown.quantity_max,
        sales_start_ms: null,
        sales_end_ms: null,
        tax_basis_points: shown.tax_basis_points,
        valid_days: shown.valid_days,
    };
}

/**
 * Return what the page was filled with, null where there is none.
 *
 * @returns {any}
 */
export function pageData() {
    const element = document.getElementById("data");
    return element?.textContent ? JSON.parse(element.textContent) : null;
}
