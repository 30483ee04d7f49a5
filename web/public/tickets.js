// The buyer's tickets for this event, with their QR codes.
import { calendarDays, eventDays, money, timeOfDay } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { StepHeading } from "./parts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./orders.js").Order} Order */
/** @typedef {import("./sale.js").Sale} Sale */

/**
 * @param {{orders: Order[], bought: string | null, isFocused: boolean, sale: Sale}} given
 * @returns {Child}
 */
export function Tickets({ orders, bought, isFocused, sale }) {
    const newest = orders.find((order) => order.order === bought);
    const total = orders.reduce((sum, order) => sum + order.tickets.length, 0);
    return html`
        <section class="tickets" aria-labelledby="tickets-heading" data-new=${Boolean(newest)}>
            <${StepHeading} id="tickets-heading" isFocused=${isFocused}>
                ${newest ? t("event.going") : t("event.your_tickets", { count: total })}
            <//>
            ${newest &&
            html`<p class="tickets-paid">
                ${t(newest.amount_minor === 0 ? "event.got_free" : "event.paid_for", { amount: money(newest.amount_minor, newest.currency), count: newest.tickets.length })}
            </p>`}
            <ul class="ticket-list">
                ${orders.flatMap((order) => order.tickets.map((ticket) => html`<${TicketCard} key=${ticket.ticket} ticket=${ticket} sale=${sale} />`))}
            </ul>
        </section>
    `;
}

/**
 * @param {{ticket: import("./orders.js").Ticket, sale: Sale}} given
 * @returns {Child}
 */
function TicketCard({ ticket, sale }) {
    const { event } = sale;
    const name = ticket.name || t("event.ticket");
    const days = ticket.valid_days;
    return html`
        <li class="ticket">
            <div class="ticket-text">
                <p class="ticket-type"><bdi>${name}</bdi></p>
                <p class="ticket-event"><bdi>${event.title}</bdi></p>
                <p class="ticket-when">${t("shared.day_and_time", { day: eventDays(event), time: timeOfDay(event.starts_at_ms, event.time_zone) })}</p>
                <p class="ticket-when"><bdi>${event.venue_name}</bdi></p>
                ${days.length > 0 && html`<p class="ticket-days">${t("event.valid_on", { days: calendarDays(days) })}</p>`}
                <p class="ticket-id">${ticket.ticket.slice(-8)}</p>
            </div>
            <div class="ticket-stub">
                <img src=${`/api/v1/tickets/${ticket.ticket}/qr.svg`} width="152" height="152" alt=${t("event.qr_of", { ticket: ticket.ticket.slice(-8), name })} />
            </div>
        </li>
    `;
}
