// Reserving, extending, releasing and paying: what the buttons do. State lives in the basket (what is kept) and in the
// signals here (what is only of the moment); the views read both.
import { announce } from "../shared/announce.js";
import { signal } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { newOperation, paymentOperation } from "../shared/ids.js";
import { Questions } from "./questions.js";
import { words } from "./refusals.js";

/** @typedef {import("../shared/connection.js").Connection} Connection */
/** @typedef {import("../shared/connection.js").RequestBody} RequestBody */
/** @typedef {import("../shared/wire").Refused} Refused */
/** @typedef {import("../shared/wire").Reply} Reply */
/** @typedef {import("./basket.js").Basket} Basket */
/** @typedef {import("./basket.js").Reservation} Reservation */
/** @typedef {import("./refusals.js").Notice} Notice */
/** @typedef {"reserving" | "extending" | "releasing" | "paying" | null} Action */

// A reservation whose answer never came is not placed any more after this long; if it was, it expires by itself.
const PLACING_LIFETIME_MS = 60_000;
const BUSY_ATTEMPTS_MAX = 6;
const BUSY_DELAY_MS = 1_000;
const OPENING_SOON_MS = 5_000;
const GONE = new Set(["hold_expired", "hold_not_found"]);

export class Checkout {
    action = signal(/** @type {Action} */ (null));
    /** How many requests come before ours, null when not told. */
    ahead = signal(/** @type {number | null} */ (null));
    notice = signal(/** @type {Notice | null} */ (null));
    /** What is wrong with the payment, shown in its form. */
    paymentNotice = signal(/** @type {Notice | null} */ (null));

    /** What is wrong with a code, shown where it is typed. */
    codeNotice = signal(/** @type {Notice | null} */ (null));
    isAskingCode = signal(false);

    /** @type {Set<string>} operations that wait for an answer in this tab */
    #underWay = new Set();

    /**
     * @param {Connection} connection
     * @param {import("../shared/clock.js").ServerClock} clock
     * @param {import("./sale.js").Sale} sale
     * @param {Basket} basket
     * @param {{refresh(): void}} orders
     */
    constructor(connection, clock, sale, basket, orders) {
        this.connection = connection;
        this.clock = clock;
        this.sale = sale;
        this.basket = basket;
        this.orders = orders;
        this.questions = new Questions(sale.event.questions);
    }

    /**
     * Ask what a code is good for, and keep it for the reservation. Returns whether it is good for something.
     *
     * @param {string} code
     */
    async applyCode(code) {
        const reply = await this.#explain(code);
        if (reply.type === "unlocked") {
            this.basket.update({ codes: this.sale.codes.peek().map((one) => one.code) });
        }
        return reply.type === "unlocked";
    }

    /** @param {string} code */
    async #explain(code) {
        this.isAskingCode.value = true;
        const reply = await this.connection.request({ type: "unlock", event: this.sale.event.event, code });
        this.isAskingCode.value = false;
        if (reply.type === "unlocked") {
            this.codeNotice.value = null;
            const others = this.sale.codes.peek().filter((one) => one.code !== code);
            this.sale.codes.value = [...others, { code, found: reply }];
        } else if (reply.type === "refused") {
            this.#tell(reply, this.codeNotice);
        }
        return reply;
    }

    /** @param {string} code */
    dropCode(code) {
        const dropped = this.sale.codes.peek().find((one) => one.code === code);
        this.sale.codes.value = this.sale.codes.peek().filter((one) => one.code !== code);
        const chosen = { ...this.basket.record.peek().chosen };
        for (const shown of dropped?.found.unlocked ?? []) {
            delete chosen[shown.availability.ticket_type];
        }
        this.basket.update({ codes: this.sale.codes.peek().map((one) => one.code), chosen });
    }

    /** Ask again what the codes are good for that were kept over a reload; those that aren't any more are dropped. */
    async recallCodes() {
        const { codes } = this.basket.record.peek();
        const isKnown = (/** @type {string} */ code) => this.sale.codes.peek().some((one) => one.code === code);
        for (const code of codes.filter((code) => !isKnown(code))) {
            const reply = await this.#explain(code);
            if (reply.type === "refused" && reply.code.startsWith("voucher_")) {
                this.basket.update({ codes: this.basket.record.peek().codes.filter((one) => one !== code) });
            }
        }
    }

    /** Go on with what was under way when the page was left. Called once the connection knows its buyer. */
    resume() {
        const { reservation, payment } = this.basket.record.peek();
        if (!reservation) {
            return;
        }
        if (payment) {
            void this.#finishPayment(reservation, payment);
        } else if (reservation.hold === null) {
            if (this.clock.now() - reservation.started_at_ms > PLACING_LIFETIME_MS) {
                this.basket.update({ reservation: null });
            } else {
                void this.#place(reservation);
            }
        } else if (reservation.extension !== null && !reservation.is_extended) {
            void this.#extend(reservation, reservation.extension);
        }
    }

    /** Reserve what is chosen. */
    reserve() {
        this.basket.refresh();
        const { chosen, codes, named, reservation } = this.basket.record.peek();
        const lines = Object.entries(chosen)
            .filter(([, quantity]) => quantity > 0)
            .map(([ticket_type, quantity]) => ({ ticket_type, quantity, price_minor: this.#named(ticket_type, named) }));
        if (reservation || this.action.peek() || lines.length === 0) {
            return;
        }
        this.notice.value = null;
        const now = this.clock.now();
        /** @type {Reservation} */
        const placing = {
            operation: newOperation(now),
            lines,
            codes,
            started_at_ms: now,
            hold: null,
            held: [],
            amount_minor: 0,
            discount_minor: 0,
            currency: this.sale.event.currency,
            expires_at_ms: 0,
            extension: null,
            is_extended: false,
            payments_refused: 0,
        };
        this.basket.update({ reservation: placing, bought: null });
        void this.#place(placing);
    }

    /** @param {Reservation} placing */
    async #place(placing) {
        const { operation, lines, codes } = placing;
        const body = { type: /** @type {const} */ ("hold"), operation, event: this.sale.event.event, lines, codes: codes ?? [] };
        const reply = await this.#ask("reserving", body);
        if (!reply) {
            return;
        }
        const current = this.basket.record.peek().reservation;
        if (reply.type === "held") {
            if (current?.operation !== operation) {
                // Another tab was faster or it was given up meanwhile: nobody would pay for this one.
                this.#giveBack(reply.hold);
                return;
            }
            this.basket.updateReservation({
                hold: reply.hold,
                held: reply.lines,
                amount_minor: reply.amount_minor,
                discount_minor: reply.discount_minor,
                currency: reply.currency,
                expires_at_ms: Math.max(reply.expires_at_ms, current.expires_at_ms),
            });
            const quantity = reply.lines.reduce((sum, line) => sum + line.quantity, 0);
            announce(t("event.said.reserved", { count: quantity }));
        } else if (reply.type === "refused" && current?.operation === operation) {
            this.basket.update({ reservation: null });
            this.#tell(reply);
        }
    }

    /** Give the reservation its one extension. */
    extend() {
        const { reservation } = this.basket.record.peek();
        if (!reservation?.hold || reservation.is_extended || this.action.peek()) {
            return;
        }
        const extension = newOperation(this.clock.now());
        this.basket.updateReservation({ extension });
        void this.#extend(reservation, extension);
    }

    /**
     * @param {Reservation} reservation
     * @param {string} operation
     */
    async #extend(reservation, operation) {
        const reply = await this.#ask("extending", {
            type: "extend",
            operation,
            event: this.sale.event.event,
            hold: String(reservation.hold),
        });
        if (reply?.type === "extended") {
            this.basket.updateReservation({ is_extended: true, expires_at_ms: reply.expires_at_ms });
            announce(t("event.said.extended"));
        } else if (reply?.type === "refused") {
            this.basket.updateReservation({ extension: null, is_extended: reply.code === "already_extended" });
            this.#refusedHold(reply);
        }
    }

    /** Give the tickets back. */
    async release() {
        const { reservation, payment } = this.basket.record.peek();
        if (!reservation?.hold || payment || this.action.peek()) {
            return;
        }
        const reply = await this.#ask("releasing", {
            type: "release",
            operation: newOperation(this.clock.now()),
            event: this.sale.event.event,
            hold: reservation.hold,
        });
        if (reply?.type === "released") {
            this.basket.update({ reservation: null, chosen: {} });
            announce(t("event.said.released"));
        } else if (reply?.type === "refused") {
            this.#refusedHold(reply);
        }
    }

    /**
     * Pay for the reservation.
     *
     * @param {string} token what the payment provider's form gave for the card
     */
    pay(token) {
        this.basket.refresh();
        const { reservation, payment } = this.basket.record.peek();
        if (!reservation?.hold || payment || this.action.peek()) {
            return;
        }
        this.paymentNotice.value = null;
        const operation = paymentOperation(reservation.hold, reservation.payments_refused);
        const paying = { operation, token, answers: this.questions.answers(reservation.held) };
        this.basket.update({ payment: paying });
        void this.#finishPayment(reservation, paying);
    }

    /**
     * @param {Reservation} reservation
     * @param {import("./basket.js").Payment} payment
     */
    async #finishPayment(reservation, payment) {
        const reply = await this.#ask("paying", {
            type: "purchase",
            operation: payment.operation,
            event: this.sale.event.event,
            hold: String(reservation.hold),
            amount_minor: reservation.amount_minor,
            payment: payment.token,
            answers: payment.answers ?? [],
        });
        if (reply?.type === "purchased") {
            this.basket.update({ reservation: null, payment: null, chosen: {}, named: {}, codes: [], bought: reply.order });
            this.sale.codes.value = [];
            this.notice.value = null;
            announce(t("event.said.paid", { count: reply.tickets.length }));
        } else if (reply?.type === "refused") {
            // Other tabs may have had the same answer: what they wrote is the same.
            this.basket.update({ payment: null });
            this.basket.updateReservation({ payments_refused: reservation.payments_refused + 1 });
            if (!this.questions.take(reply, reservation.held)) {
                this.#refusedHold(reply, this.paymentNotice);
            }
        }
        this.orders.refresh();
    }

    /** The time of the reservation is over, by the server's clock or its word. */
    expire() {
        const { reservation, payment } = this.basket.record.peek();
        if (!reservation?.hold || payment) {
            // While it is being paid, the answer to that says what became of it.
            return;
        }
        this.basket.update({ reservation: null });
        const text = { title: t("event.ran_out.title"), advice: t("event.ran_out.advice") };
        this.notice.value = text;
        announce(`${text.title} ${text.advice}`);
    }

    /** @param {import("../shared/wire").Push} push */
    take(push) {
        const { reservation } = this.basket.record.peek();
        if (push.type === "hold_expired" && push.hold === reservation?.hold) {
            this.expire();
        } else if (push.type === "hold_expiring" && push.hold === reservation?.hold) {
            this.basket.updateReservation({ expires_at_ms: push.expires_at_ms });
        }
    }

    /**
     * Return the price to name for a type, null where it is fixed.
     *
     * @param {string} ticketType
     * @param {Record<string, number>} named
     */
    #named(ticketType, named) {
        const available = this.sale.availability(ticketType);
        return available?.price_min_minor == null ? null : (named[ticketType] ?? null);
    }

    /** @param {string} hold */
    #giveBack(hold) {
        void this.connection.request({
            type: "release",
            operation: newOperation(this.clock.now()),
            event: this.sale.event.event,
            hold,
        });
    }

    /**
     * @param {Refused} refused
     * @param {import("../shared/html.js").Signal<Notice | null>} [where]
     */
    #refusedHold(refused, where = this.notice) {
        if (GONE.has(refused.code)) {
            this.basket.update({ reservation: null, payment: null });
            this.#tell(refused);
        } else {
            this.#tell(refused, where);
        }
    }

    /**
     * @param {Refused} refused
     * @param {import("../shared/html.js").Signal<Notice | null>} [where]
     */
    #tell(refused, where = this.notice) {
        where.value = words(refused, { timeZone: this.sale.event.time_zone, currency: this.sale.event.currency });
    }

    /**
     * Send a request until it is decided: `busy` and its kind only mean "not now". A payment is never given up, because
     * it may be under way; anything else is after some attempts. Null when this tab already waits for the operation.
     *
     * @param {Exclude<Action, null>} action
     * @param {RequestBody & {operation: string}} body
     * @returns {Promise<Reply | null>}
     */
    async #ask(action, body) {
        if (this.#underWay.has(body.operation)) {
            return null;
        }
        this.#underWay.add(body.operation);
        this.action.value = action;
        try {
            for (let attempt = 1; ; attempt++) {
                const reply = await this.connection.request(body, (ahead) => (this.ahead.value = ahead));
                const delay = reply.type === "refused" ? notNow(reply) : null;
                if (delay === null || (attempt >= BUSY_ATTEMPTS_MAX && action !== "paying")) {
                    return reply;
                }
                const growth = Math.min(attempt, BUSY_ATTEMPTS_MAX) * (0.75 + Math.random() / 2);
                await new Promise((resolve) => setTimeout(resolve, delay * growth));
            }
        } finally {
            this.#underWay.delete(body.operation);
            this.action.value = null;
            this.ahead.value = null;
        }
    }
}

/**
 * Return after how many ms it makes sense to ask by oneself again, null when the refusal is an answer.
 *
 * @param {Refused} refused
 * @returns {number | null}
 */
function notNow(refused) {
    const wait = refused.retry_after_ms;
    if (refused.code === "busy" || refused.code === "rate_limited") {
        return wait ?? BUSY_DELAY_MS;
    }
    // Pressed a moment early: the countdown is good to some tens of milliseconds, and nobody should lose by it.
    return refused.code === "sale_not_open" && wait !== null && wait <= OPENING_SOON_MS ? wait : null;
}
