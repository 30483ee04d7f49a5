// The buyer's orders for this event, from the server: what is shown as "Your tickets".
import { signal } from "../shared/html.js";

/** @typedef {import("../shared/wire").Ticket} Ticket */

/**
 * @typedef {object} Order
 * @property {string} order
 * @property {string} event
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
        try {
            const answer = await fetch("/api/v1/orders", {
                headers: { accept: "application/json" },
                signal: AbortSignal.timeout(8_000),
            });
            if (answer.status === 401) {
                return;
            }
            if (!answer.ok) {
                throw new Error(`status ${answer.status}`);
            }
            /** @type {{orders: Order[]}} */
            const { orders } = await answer.json();
            this.list.value = orders.filter((order) => order.event === this.event && order.tickets.length > 0);
            this.#markLoaded();
        } catch {
            if (this.#attempt < ATTEMPTS_MAX) {
                setTimeout(() => this.#load(), RETRY_MS);
            }
        }
    }
}
