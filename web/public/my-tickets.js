// All of somebody's tickets, what is ahead first, and what they paid. A guest sees those of this browser.
import { Problem, get } from "../shared/api.js";
import { longDate, moment, money, timeOfDay } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, Empty, PageHead } from "../shared/parts.js";
import { showWhenReady } from "./account-frame.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./orders.js").Order} Order */
/** @typedef {import("./sale.js").EventData} EventData */

const PAST_MS = 6 * 3_600_000;
const EVENTS_MAX = 50;
/** @type {Record<string, import("../shared/parts.js").Tone>} */
const TONES = { paid: "good", sold: "good", failed: "danger", voiding: "danger" };

/** @returns {Promise<{orders: Order[], isGuest: boolean}>} */
async function myOrders() {
    /** @typedef {{items?: Order[], orders?: Order[]}} Listed */
    try {
        /** @type {Listed} */
        const mine = await get("/me/orders");
        return { orders: mine.items ?? mine.orders ?? [], isGuest: false };
    } catch (thrown) {
        if (!(thrown instanceof Problem) || thrown.status !== 401) {
            throw thrown;
        }
    }
    try {
        /** @type {Listed} */
        const mine = await get("/orders");
        return { orders: mine.items ?? mine.orders ?? [], isGuest: true };
    } catch (thrown) {
        if (thrown instanceof Problem && thrown.status === 401) {
            return { orders: [], isGuest: true };
        }
        throw thrown;
    }
}

/**
 * @param {Order[]} orders
 * @returns {Promise<Map<string, EventData>>}
 */
async function eventsOf(orders) {
    const ids = [...new Set(orders.map((order) => order.event))].slice(0, EVENTS_MAX);
    const found = await Promise.all(
        ids.map(async (id) => {
            try {
                /** @type {EventData & {event: any}} */
                const answer = await get(`/events/${id}`);
                return typeof answer.event === "object" ? answer.event : answer;
            } catch {
                return null;
            }
        }),
    );
    return new Map(found.flatMap((event, at) => (event ? [[String(ids[at]), event]] : [])));
}

/**
 * @param {{orders: Order[], events: Map<string, EventData>, isGuest: boolean, now: number}} given
 * @returns {Child}
 */
function MyTickets({ orders, events, isGuest, now }) {
    const withTickets = orders.filter((order) => order.tickets.length > 0);
    const startOf = (/** @type {Order} */ order) => events.get(order.event)?.starts_at_ms ?? order.created_at_ms;
    const ahead = withTickets.filter((order) => startOf(order) > now - PAST_MS).sort((a, b) => startOf(a) - startOf(b));
    const past = withTickets.filter((order) => startOf(order) <= now - PAST_MS).sort((a, b) => startOf(b) - startOf(a));
    return html`
        <${PageHead} title=${t("account.tickets.title")} />
        ${isGuest && orders.length > 0 && html`<${Keep} />`}
        ${ahead.length > 0
            ? ahead.map((order) => html`<${OrderTickets} key=${order.order} order=${order} event=${events.get(order.event)} />`)
            : html`<${Empty} title=${t("account.tickets.none")} text=${t(isGuest ? "account.tickets.none_guest" : "account.tickets.none_text")}>
                  <div class="form-actions">
                      <a class="button button-main" href="/">${t("shared.all_events")}</a>
                      ${isGuest && html`<a class="button button-quiet" href="/sign-in?next=/tickets">${t("shared.sign_in")}</a>`}
                  </div>
              <//>`}
        ${past.length > 0 &&
        html`<section class="stack" aria-labelledby="past">
            <h2 id="past">${t("account.tickets.past")}</h2>
            ${past.map((order) => html`<${OrderTickets} key=${order.order} order=${order} event=${events.get(order.event)} />`)}
        </section>`}
        ${orders.length > 0 && html`<${Orders} orders=${orders} events=${events} />`}
    `;
}

/** @returns {Child} */
function Keep() {
    return html`<div class="notice" data-tone="good">
        <p class="notice-title">${t("account.tickets.keep_title")}</p>
        <p>${t("account.tickets.keep_text")}</p>
        <p><a class="button button-quiet" href="/sign-up?next=/tickets">${t("shared.sign_up")}</a></p>
    </div>`;
}

/**
 * @param {{order: Order, event: EventData | undefined}} given
 * @returns {Child}
 */
function OrderTickets({ order, event }) {
    const nameOf = (/** @type {string} */ type) => event?.ticket_types.find((one) => one.ticket_type === type)?.name ?? t("event.ticket");
    const title = event?.title ?? t("event.ticket");
    return html`<section class="order" aria-label=${title}>
        <ul class="ticket-list">
            ${order.tickets.map((ticket) => {
                const name = nameOf(ticket.ticket_type);
                const shown = ticket.ticket.slice(-8);
                return html`<li class="ticket" key=${ticket.ticket}>
                    <div class="ticket-text">
                        <p class="ticket-type"><bdi>${name}</bdi></p>
                        <p class="ticket-event">${event ? html`<a href=${`/e/${event.slug}`}>${title}</a>` : title}</p>
                        ${event &&
                        html`<p class="ticket-when">${longDate(event.starts_at_ms, event.time_zone)}, ${timeOfDay(event.starts_at_ms, event.time_zone)}</p>
                            <p class="ticket-when"><bdi>${event.venue_name}</bdi></p>`}
                        <p class="ticket-id"><bdi>${shown}</bdi></p>
                    </div>
                    <div class="ticket-stub">
                        <img src=${`/api/v1/tickets/${ticket.ticket}/qr.svg`} width="152" height="152" loading="lazy" alt=${t("event.qr_of", { ticket: shown, name })} />
                    </div>
                </li>`;
            })}
        </ul>
    </section>`;
}

/**
 * @param {{orders: Order[], events: Map<string, EventData>}} given
 * @returns {Child}
 */
function Orders({ orders, events }) {
    return html`<section class="panel" aria-labelledby="orders">
        <h2 id="orders">${t("account.tickets.orders")}</h2>
        <ul class="rows">
            ${orders.map(
                (order) => html`<li key=${order.order}>
                    <div class="row-text">
                        <strong>${events.get(order.event)?.title ?? t("event.ticket")}</strong>
                        <span>${moment(order.created_at_ms)} · ${t("shared.tickets", { count: order.tickets.length })}</span>
                    </div>
                    <${Badge} tone=${TONES[order.state] ?? "calm"}>${t("account.tickets.state", { state: order.state })}<//>
                    <strong>${order.amount_minor === 0 ? t("event.free") : money(order.amount_minor, order.currency)}</strong>
                </li>`,
            )}
        </ul>
    </section>`;
}

void showWhenReady(async () => {
    const { orders, isGuest } = await myOrders();
    const events = await eventsOf(orders);
    return html`<${MyTickets} orders=${orders} events=${events} isGuest=${isGuest} now=${Date.now()} />`;
});
