// The buyer's tickets for this event, with their QR codes.
import { longDate, money, plural, timeOfDay } from "../shared/formats.js";
import { html } from "../shared/html.js";
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
                ${newest ? "You’re going." : plural(total, "ticket", "tickets").replace(/^/, "Your ")}
            <//>
            ${newest &&
            html`<p class="tickets-paid">
                ${money(newest.amount_minor, newest.currency)} paid for ${plural(newest.tickets.length, "ticket", "tickets")}. This page shows
                them again when you come back.
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
    const name = sale.type(ticket.ticket_type)?.name ?? "Ticket";
    return html`
        <li class="ticket">
            <div class="ticket-text">
                <p class="ticket-type">${name}</p>
                <p class="ticket-event">${event.title}</p>
                <p class="ticket-when">${longDate(event.starts_at_ms, event.time_zone)}, ${timeOfDay(event.starts_at_ms, event.time_zone)}</p>
                <p class="ticket-when">${event.venue}</p>
                <p class="ticket-id">${ticket.ticket.slice(-8)}</p>
            </div>
            <div class="ticket-stub">
                <img src=${`/api/tickets/${ticket.ticket}/qr.svg`} width="152" height="152" alt=${`QR code of ticket ${ticket.ticket.slice(-8)}, ${name}`} />
            </div>
        </li>
    `;
}
