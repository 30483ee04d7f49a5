// The home page: what is on, and how each sale stands.
import { ServerClock } from "../shared/clock.js";
import { countdown, leaf, longDate, money, timeOfDay } from "../shared/formats.js";
import { html, render } from "../shared/html.js";
import { Poster } from "../shared/poster.js";
import { tickingTime } from "../shared/ticking.js";
import { pageData } from "./sale.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./sale.js").EventData} EventData */
/** @typedef {import("../shared/html.js").ReadonlySignal<number>} Time */

const DAY_MS = 86_400_000;

/**
 * @param {{events: EventData[], time: Time}} given
 * @returns {Child}
 */
function Events({ events, time }) {
    if (events.length === 0) {
        return html`<p class="home-empty">Nothing is announced yet. Come back soon.</p>`;
    }
    return html`<ul class="event-list">
        ${events.map((event) => html`<${Card} key=${event.slug} event=${event} time=${time} />`)}
    </ul>`;
}

/**
 * @param {{event: EventData, time: Time}} given
 * @returns {Child}
 */
function Card({ event, time }) {
    const date = leaf(event.starts_at_ms, event.time_zone);
    const prices = (event.ticket_types ?? []).map((type) => type.price_minor);
    return html`
        <li class="event-card">
            <div class="poster">
                ${event.image_url
                    ? html`<img class="poster-art" src=${event.image_url} alt="" width="1200" height="675" loading="lazy" />`
                    : html`<${Poster} seed=${event.slug} />`}
                <div class="date-leaf" aria-hidden="true"><span>${date.month}</span><strong>${date.day}</strong></div>
            </div>
            <div class="event-card-text">
                <h2><a href=${`/e/${event.slug}`}>${event.title}</a></h2>
                <p>${longDate(event.starts_at_ms, event.time_zone)}, ${timeOfDay(event.starts_at_ms, event.time_zone)}</p>
                <p>${[event.venue, event.city].filter(Boolean).join(", ")}</p>
                <p class="event-card-foot">
                    <${Standing} event=${event} time=${time} />
                    ${prices.length > 0 && html`<span>from ${money(Math.min(...prices), event.currency)}</span>`}
                </p>
            </div>
        </li>
    `;
}

/**
 * @param {{event: EventData, time: Time}} given
 * @returns {Child}
 */
function Standing({ event, time }) {
    if (event.status === "closed" || event.status === "paused") {
        return html`<span class="standing" data-tone="calm">${event.status === "closed" ? "Sale over" : "Paused"}</span>`;
    }
    const left = (event.opens_at_ms ?? Infinity) - time.value;
    if (left <= 0) {
        return html`<span class="standing" data-tone="good">On sale</span>`;
    }
    if (left > DAY_MS) {
        const when = event.opens_at_ms ? `Opens ${longDate(event.opens_at_ms, event.time_zone)}` : "Announced";
        return html`<span class="standing" data-tone="calm">${when}</span>`;
    }
    return html`<span class="standing" data-tone="warn">Opens in ${countdown(left)}</span>`;
}

const data = pageData();
const app = document.getElementById("app");
if (data && app) {
    const clock = new ServerClock();
    const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
    clock.sample(navigation?.requestStart ?? 0, Math.max(navigation?.responseStart ?? 0, 1), data.server_time_ms);
    render(html`<${Events} events=${data.events} time=${tickingTime(clock).time} />`, app);
}
