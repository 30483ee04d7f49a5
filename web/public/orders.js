// The buyer's orders for this event, from the server: what is shown as "Your tickets".
import { signal } from "../shared/html.js";

/** @typedef {import("../shared/wire").Ticket & {name: string, valid_days: readonly string[]}} Ticket a type's name is "" while it is not known */
/** @typedef {{title: string, slug: string | null, status: string, starts_at_ms: number, ends_at_ms: number | null, time_zone: string, venue_name: string, city: string}} OrderedEvent */

/**
 * @typedef {object} Order
 * @property {string} order
 * @property {string} event
 * @property {OrderedEvent} about
 * @property {string} state
 * @property {number} amount_minor
 * @property {string} currency
 * @property {number} created_at_ms
 * @property {Ticket[]} tickets
 */

const RETRY_MS = 3_000;
const ATTEMPTS_MAX = 5;

export class Orders {
    list = signal(/** @type {Order[]} */ ([]));
    #attempt = 0;
    #turn = 0;
    #markLoaded = () => {};
    /** Resolves with the first answer. */
    loaded = new Promise((/** @type {(value: void) => void} */ resolve) => (this.#markLoaded = resolve));

    /** @param {string} event */
    constructor(event) {
        this.event = event;
    }

    /** Ask for them now. A failure is tried again a few times; the list that is shown stays. */
    refresh() {
        this.#attempt = 0;
        void this.#load();
    }

    async #load() {
        this.#attempt++;
        const own = ++this.#turn;
        try {
            const answer = await fetch(`/api/v1/orders?event=${this.event}&limit=200`, {
                headers: { accept: "application/json" },
                signal: AbortSignal.timeout(8_000),
            });
            if (answer.status === 401) {
                this.#markLoaded();
                return;
            }
            if (!answer.ok) {
                throw new Error(`status ${answer.status}`);
            }
            /** @type {{items: Order[]}} */
            const { items } = await answer.json();
            if (own !== this.#turn) {
                // Asked again meanwhile: what was asked for first may be from before a purchase.
                return;
            }
            this.list.value = items.filter((order) => order.tickets.length > 0);
            this.#markLoaded();
        } catch {
            if (own === this.#turn && this.#attempt < ATTEMPTS_MAX) {
                setTimeout(() => own === this.#turn && void this.#load(), RETRY_MS);
            }
        }
    }
}
