// What a buyer has chosen, reserved and is paying for at one event, kept in the browser's storage: it survives a reload
// and is shared by all tabs. Operation ids are written down before their requests are sent, so that whoever comes after a
// reload, a crash or in another tab repeats the same operation instead of starting a second one.
import { signal } from "../shared/html.js";

/** @typedef {import("../shared/wire").Line} Line */
/** @typedef {import("../shared/wire").HeldLine} HeldLine */

/**
 * @typedef {object} Reservation
 * @property {string} operation
 * @property {Line[]} lines
 * @property {string[]} codes of vouchers
 * @property {number} started_at_ms by the server's clock
 * @property {string | null} hold null while it is being placed
 * @property {HeldLine[]} held
 * @property {number} amount_minor
 * @property {number} discount_minor taken off already
 * @property {string} currency
 * @property {number} expires_at_ms
 * @property {string | null} extension the operation that extended it
 * @property {boolean} is_extended
 * @property {number} payments_refused how many attempts to pay came to nothing
 */

/**
 * @typedef {object} Payment
 * @property {string} operation names the order, too
 * @property {string} token
 * @property {import("../shared/wire").Answer[]} answers
 */

/**
 * @typedef {object} BasketRecord
 * @property {string | null} buyer whose it is
 * @property {Record<string, number>} chosen quantities by ticket type
 * @property {Record<string, number>} named prices that the buyer names, by ticket type, in minor units
 * @property {string[]} codes of vouchers, as they were typed
 * @property {Reservation | null} reservation
 * @property {Payment | null} payment
 * @property {string | null} bought the order that was just paid
 */

/** @type {BasketRecord} */
const EMPTY = { buyer: null, chosen: {}, named: {}, codes: [], reservation: null, payment: null, bought: null };

export class Basket {
    #key;

    /** @param {string} event */
    constructor(event) {
        this.#key = `bilten:1:${event}`;
        this.record = signal(this.#read());
        addEventListener("storage", (change) => {
            if (change.key === this.#key || change.key === null) {
                this.record.value = this.#read();
            }
        });
    }

    /** @param {Partial<BasketRecord>} change */
    update(change) {
        this.record.value = { ...this.record.peek(), ...change };
        try {
            localStorage.setItem(this.#key, JSON.stringify(this.record.peek()));
        } catch {
            // Storage may be full or forbidden; the page then works as long as it is open.
        }
    }

    /** @param {Partial<Reservation>} change */
    updateReservation(change) {
        const { reservation } = this.record.peek();
        if (reservation) {
            this.update({ reservation: { ...reservation, ...change } });
        }
    }

    /** Look at what other tabs wrote a moment ago, before their change is announced here. */
    refresh() {
        const stored = this.#read();
        if (JSON.stringify(stored) !== JSON.stringify(this.record.peek())) {
            this.record.value = stored;
        }
    }

    /**
     * Forget what belongs to another buyer: the session has ended and a new one was opened.
     *
     * @param {string} buyer
     * @param {string | null} guest who this browser was before somebody signed in: theirs is this buyer's now
     */
    belongsTo(buyer, guest) {
        const record = this.record.peek();
        if (record.buyer !== buyer) {
            const isKept = record.buyer === null || record.buyer === guest;
            this.update(isKept ? { buyer } : { ...EMPTY, buyer, chosen: record.chosen });
        }
    }

    /** @returns {BasketRecord} */
    #read() {
        try {
            const stored = localStorage.getItem(this.#key);
            return stored ? { ...EMPTY, ...JSON.parse(stored) } : EMPTY;
        } catch {
            return this.record?.peek() ?? EMPTY;
        }
    }
}
