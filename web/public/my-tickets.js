// All of somebody's tickets, what is ahead first, and what they paid. A guest sees those of this browser.
import { Problem, get, problemOf } from "../shared/api.js";
import { ActionButton } from "../shared/forms.js";
import { calendarDays, eventDays, moment, timeOfDay } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, Empty, PageHead } from "../shared/parts.js";
import { toast } from "../shared/toasts.js";
import { showWhenReady } from "./account-frame.js";
import { price } from "./parts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./orders.js").Order} Order */
/** @typedef {{items: Order[], next_cursor: string | null}} Part */

const PAST_MS = 6 * 3_600_000;
const PART = 200;
/** @type {Record<string, import("../shared/parts.js").Tone>} */
const TONES = { paid: "good", sold: "good", failed: "danger", voiding: "danger" };

/** @returns {Promise<{path: string, first: Part}>} */
async function myOrders() {
    for (const path of ["/me/orders", "/orders"]) {
        try {
            return { path, first: await get(path, { limit: PART }) };
        } catch (thrown) {
            // Who is not signed in may be a guest who has bought, or somebody new.
            if (!(thrown instanceof Problem) || thrown.status !== 401) {
                throw thrown;
            }
        }
    }
    return { path: "/orders", first: { items: [], next_cursor: null } };
}

/** When it is over, more or less: an event without an end is over some hours after its start. @param {Order} order */
function overAt({ about }) {
    return Math.max(about.ends_at_ms ?? 0, about.starts_at_ms + PAST_MS);
}

/**
 * @param {{path: string, first: Part, now: number}} given
 * @returns {Child}
 */
function MyTickets({ path, first, now }) {
    const [{ items: orders, next_cursor: cursor }, setPart] = useState(first);
    const isGuest = path === "/orders";
    const more = async () => {
        /** @type {Part} */
        const next = await get(path, { limit: PART, cursor });
        setPart({ items: [...orders, ...next.items], next_cursor: next.next_cursor });
    };
    const withTickets = orders.filter((order) => order.tickets.length > 0);
    const ahead = withTickets.filter((order) => overAt(order) > now).sort((a, b) => a.about.starts_at_ms - b.about.starts_at_ms);
    const past = withTickets.filter((order) => overAt(order) <= now).sort((a, b) => b.about.starts_at_ms - a.about.starts_at_ms);
    return html`
        <${PageHead} title=${t("account.tickets.title")} />
        ${isGuest && orders.length > 0 && html`<${Keep} />`}
        ${ahead.length > 0
            ? ahead.map((order) => html`<${OrderTickets} key=${order.order} order=${order} />`)
            : html`<${Empty} title=${t("account.tickets.none")} text=${t(isGuest ? "account.tickets.none_guest" : "account.tickets.none_text")}>
                  <div class="form-actions">
                      <a class="button button-main" href="/">${t("shared.all_events")}</a>
                      ${isGuest && html`<a class="button button-quiet" href="/sign-in?next=/tickets">${t("shared.sign_in")}</a>`}
                  </div>
              <//>`}
        ${past.length > 0 &&
        html`<section class="stack" aria-labelledby="past">
            <h2 id="past">${t("account.tickets.past")}</h2>
            ${past.map((order) => html`<${OrderTickets} key=${order.order} order=${order} />`)}
        </section>`}
        ${orders.length > 0 && html`<${Orders} orders=${orders} />`}
        ${cursor && html`<div class="form-actions"><${ActionButton} onPress=${more} onProblem=${(/** @type {Problem} */ problem) => toast(problemOf(problem).text)}>${t("account.tickets.earlier")}<//></div>`}
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
 * @param {{order: Order}} given
 * @returns {Child}
 */
function OrderTickets({ order: { about, tickets } }) {
    return html`<section class="order" aria-label=${about.title}>
        <ul class="ticket-list">
            ${tickets.map((ticket) => {
                const name = ticket.name || t("event.ticket");
                const shown = ticket.ticket.slice(-8);
                return html`<li class="ticket" key=${ticket.ticket}>
                    <div class="ticket-text">
                        <p class="ticket-type"><bdi>${name}</bdi></p>
                        <p class="ticket-event"><bdi>${about.slug ? html`<a href=${`/e/${about.slug}`}>${about.title}</a>` : about.title}</bdi></p>
                        ${about.status === "cancelled" && html`<p class="ticket-cancelled">${t("account.tickets.cancelled")}</p>`}
                        <p class="ticket-when">${t("shared.day_and_time", { day: eventDays(about), time: timeOfDay(about.starts_at_ms, about.time_zone) })}</p>
                        <p class="ticket-when"><bdi>${[about.venue_name, about.city].filter(Boolean).join(", ")}</bdi></p>
                        ${ticket.valid_days.length > 0 && html`<p class="ticket-days">${t("event.valid_on", { days: calendarDays(ticket.valid_days) })}</p>`}
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
 * @param {{orders: Order[]}} given
 * @returns {Child}
 */
function Orders({ orders }) {
    return html`<section class="panel" aria-labelledby="orders">
        <h2 id="orders">${t("account.tickets.orders")}</h2>
        <ul class="rows">
            ${orders.map(
                (order) => html`<li key=${order.order}>
                    <div class="row-text">
                        <strong><bdi>${order.about.title}</bdi></strong>
                        <span>${moment(order.created_at_ms)} · ${t("shared.tickets", { count: order.tickets.length })}</span>
                    </div>
                    <${Badge} tone=${TONES[order.state] ?? "calm"}>${t("account.tickets.state", { state: order.state })}<//>
                    <strong>${price(order.amount_minor, order.currency)}</strong>
                </li>`,
            )}
        </ul>
    </section>`;
}

void showWhenReady(async () => {
    const { path, first } = await myOrders();
    return html`<${MyTickets} path=${path} first=${first} now=${Date.now()} />`;
});
