// The event page: puts together the sale, the basket, the checkout and the views.
import { announce, passedMark } from "../shared/announce.js";
import { ServerClock } from "../shared/clock.js";
import { Connection } from "../shared/connection.js";
import { spoken } from "../shared/formats.js";
import { effect, html, render, signal, untracked } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { isKnownVisitor } from "../shared/socket.js";
import { tickingTime } from "../shared/ticking.js";
import { EventDescription, EventHeader } from "./about.js";
import { Basket } from "./basket.js";
import { Checkout } from "./checkout.js";
import { Choose } from "./choose.js";
import { Orders } from "./orders.js";
import { ConnectionBanner } from "./offline.js";
import { ReservationPanel } from "./reservation.js";
import { FEW_LEFT, Sale, pageData } from "./sale.js";
import { Tickets } from "./tickets.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/connection.js").ConnectionState} ConnectionState */

const OPENING_MARKS_MS = [600_000, 60_000, 10_000];
const EXPIRY_MARKS_MS = [120_000, 60_000, 30_000, 10_000];
// A tab that wrote down an operation and then died leaves it to the others after this long.
const TAKE_OVER_MS = 8_000;
const ORDERS_PATIENCE_MS = 1_500;

/** @param {{event: import("./sale.js").EventData, server_time_ms: number}} data */
function start(data) {
    const clock = new ServerClock();
    const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
    // A first guess, good to the time that the page was under way; the first pong makes it right.
    clock.sample(navigation?.requestStart ?? 0, Math.max(navigation?.responseStart ?? 0, 1), data.server_time_ms);
    const { time, wakeAt } = tickingTime(clock);
    const sale = new Sale(data.event, time);
    // The button must work at the very moment, not at the next full second.
    sale.opensAt.subscribe(wakeAt);
    const basket = new Basket(data.event.event);
    const orders = new Orders(data.event.event);
    const connectionState = signal(/** @type {ConnectionState} */ ("connecting"));
    const connection = new Connection(clock, {
        onState: (state) => (connectionState.value = state),
        onWelcome: (buyer, guest) => {
            basket.belongsTo(buyer, guest);
            orders.refresh();
            checkout.resume();
            void checkout.recallCodes();
        },
        onPush: (push) => checkout.take(push),
    });
    const checkout = new Checkout(connection, clock, sale, basket, orders);
    if (data.event.status === "draft") {
        // Nothing is sold of it, and nobody but those who work on it knows that it is there.
        void draw(html`<${Page} sale=${sale} basket=${basket} checkout=${checkout} orders=${orders} state=${signal("online")} />`, basket, orders);
        return;
    }
    connection.follow(data.event.event, (state) => sale.take(state));
    connection.start();
    if (isKnownVisitor()) {
        orders.refresh();
    }
    orders.list.subscribe((list) => (sale.owned.value = list.reduce((sum, order) => sum + order.tickets.length, 0)));
    watchTheClock(sale, basket, checkout);
    watchTheCounts(sale);
    watchOtherTabs(basket, checkout, orders);
    void draw(html`<${Page} sale=${sale} basket=${basket} checkout=${checkout} orders=${orders} state=${connectionState} />`, basket, orders);
}

/**
 * @param {Child} page
 * @param {Basket} basket
 * @param {Orders} orders
 */
async function draw(page, basket, orders) {
    const app = document.getElementById("app");
    if (basket.record.peek().bought) {
        // There are tickets to show on top: better drawn a moment later than pushed in above what is being read.
        await Promise.race([orders.loaded, new Promise((resolve) => setTimeout(resolve, ORDERS_PATIENCE_MS))]);
    }
    if (app) {
        render(page, app);
    }
}

/**
 * @param {{sale: Sale, basket: Basket, checkout: Checkout, orders: Orders, state: import("../shared/html.js").ReadonlySignal<ConnectionState>}} given
 * @returns {Child}
 */
function Page({ sale, basket, checkout, orders, state }) {
    const { reservation, payment, bought } = basket.record.value;
    const isOnline = state.value === "online";
    const isHeld = reservation?.hold != null;
    // Only what the buyer did in this tab moves the focus; what a reload brings back doesn't.
    const isFocused = hasActed();
    return html`
        <div class="event-page">
            <${EventHeader} event=${sale.event} />
            <section class="sale" id="tickets" aria-label=${t("event.tickets_label")}>
                ${orders.list.value.length > 0 &&
                html`<${Tickets} orders=${orders.list.value} key=${`tickets ${bought}`} bought=${bought} isFocused=${isFocused && bought !== null} sale=${sale} />`}
                <div class="sale-card">
                    ${isHeld
                        ? html`<${ReservationPanel} key=${reservation.operation} reservation=${reservation} isPaying=${payment !== null}
                              isFocused=${isFocused} sale=${sale} checkout=${checkout} isOnline=${isOnline} />`
                        : html`<${Choose} sale=${sale} basket=${basket} checkout=${checkout} isOnline=${isOnline} />`}
                </div>
            </section>
            <${EventDescription} event=${sale.event} />
        </div>
        <${ConnectionBanner} state=${state} hasReservation=${isHeld} isPaying=${payment !== null} />
    `;
}

let acted = false;
function hasActed() {
    return acted;
}
for (const kind of ["pointerdown", "keydown"]) {
    addEventListener(kind, () => (acted = true), { once: true, capture: true });
}

/**
 * Say aloud, rarely, how the times run; end a reservation whose time is over.
 *
 * @param {Sale} sale
 * @param {Basket} basket
 * @param {Checkout} checkout
 */
function watchTheClock(sale, basket, checkout) {
    let beforeOpening = Infinity;
    let beforeExpiry = Infinity;
    effect(() => {
        const now = sale.time.value;
        const { reservation } = basket.record.value;
        untracked(() => {
            const toOpening = sale.opensAt.value - now;
            const mark = passedMark(beforeOpening, toOpening, OPENING_MARKS_MS);
            if (mark !== null && toOpening > 0 && beforeOpening < Infinity) {
                announce(t("event.said.opens_in", { time: spoken(mark) }));
            }
            beforeOpening = toOpening;
            const toExpiry = reservation?.hold ? reservation.expires_at_ms - now : Infinity;
            const expiryMark = passedMark(beforeExpiry, toExpiry, EXPIRY_MARKS_MS);
            if (expiryMark !== null && toExpiry > 0 && beforeExpiry < Infinity) {
                announce(t("event.said.ends_in", { time: spoken(expiryMark) }));
            }
            beforeExpiry = toExpiry;
            if (toExpiry <= 0) {
                checkout.expire();
            }
        });
    });
    let stage = sale.stage.peek();
    sale.stage.subscribe((now) => {
        if (now !== stage && now === "open" && stage === "before") {
            announce(t("event.said.open"));
        } else if (now !== stage && now === "paused") {
            announce(t("event.said.paused"));
        }
        stage = now;
    });
}

/**
 * Say aloud when a type becomes scarce, runs out or comes back: not each time its count changes.
 *
 * @param {Sale} sale
 */
function watchTheCounts(sale) {
    /** @type {Map<string, string>} */
    const levels = new Map();
    sale.state.subscribe((state) => {
        /** @type {string[]} */
        const said = [];
        for (const one of state?.ticket_types ?? []) {
            const level = one.free === 0 ? "none" : one.free <= FEW_LEFT ? "few" : "many";
            const before = levels.get(one.ticket_type);
            levels.set(one.ticket_type, level);
            if (before !== undefined && before !== level && sale.stage.peek() !== "before") {
                const name = sale.type(one.ticket_type)?.name ?? t("event.tickets_label");
                said.push(t(level === "none" ? "event.said.sold_out" : "event.said.left", { name, count: one.free }));
            }
        }
        if (said.length > 0) {
            announce(said.join(" "));
        }
    });
}

/**
 * @param {Basket} basket
 * @param {Checkout} checkout
 * @param {Orders} orders
 */
function watchOtherTabs(basket, checkout, orders) {
    let bought = basket.record.peek().bought;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    basket.record.subscribe((record) => {
        if (record.bought !== bought) {
            bought = record.bought;
            orders.refresh();
        }
        clearTimeout(timer);
        if (record.payment || (record.reservation && record.reservation.hold === null)) {
            timer = setTimeout(() => checkout.resume(), TAKE_OVER_MS);
        }
    });
}

const data = pageData();
if (data) {
    start(data);
}
