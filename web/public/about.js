// Who, what, when, where.
import { leaf, longDate, timeOfDay, zoneName } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { Poster } from "../shared/poster.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./sale.js").EventData} EventData */

/**
 * @param {{event: EventData}} given
 * @returns {Child}
 */
export function EventHeader({ event }) {
    const date = leaf(event.starts_at_ms, event.time_zone);
    return html`
        <header class="event-header">
            <div class="poster">
                ${event.image_url
                    ? html`<img class="poster-art" src=${event.image_url} alt="" width="1200" height="675" />`
                    : html`<${Poster} seed=${event.slug} />`}
                <div class="date-leaf" aria-hidden="true"><span>${date.month}</span><strong>${date.day}</strong></div>
            </div>
            <p class="organiser">${event.organiser} presents</p>
            <h1>${event.title}</h1>
            ${event.summary && html`<p class="summary">${event.summary}</p>`}
            <dl class="facts">
                <div>
                    <dt><${Icon} path="M4 6h16v14H4zM4 10.5h16M8.5 3v5M15.5 3v5" /><span class="visually-hidden">When</span></dt>
                    <dd>
                        <strong>${longDate(event.starts_at_ms, event.time_zone)}</strong>
                        <span>${times(event)}</span>
                    </dd>
                </div>
                <div>
                    <dt><${Icon} path="M12 21c-4.5-4.8-7-8.3-7-11.300a7 7 0 0 1 14 0c0 3-2.5 6.5-7 11.300zM12 12.200a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z" /><span class="visually-hidden">Where</span></dt>
                    <dd>
                        <strong>${event.venue}</strong>
                        <span>${place(event)}</span>
                    </dd>
                </div>
            </dl>
        </header>
    `;
}

/**
 * @param {{event: EventData}} given
 * @returns {Child}
 */
export function EventDescription({ event }) {
    const paragraphs = event.description.split(/\n\s*\n/).filter((text) => text.trim());
    return html`
        <section class="event-more" aria-label="About the event">
            ${paragraphs.length > 0 &&
            html`<h2>About</h2>
                ${paragraphs.map((text) => html`<p>${text}</p>`)}`}
            <h2>Good to know</h2>
            <ul class="promises">
                <li>What you reserve is yours until the time shown runs out. Nobody can take it meanwhile.</li>
                <li>The price you see is the price you pay. There are no fees on top.</li>
                <li>Lost your connection, or closed the page? Come back: nothing is lost and nothing is paid twice.</li>
            </ul>
        </section>
    `;
}

/**
 * @param {{path: string}} given
 * @returns {Child}
 */
function Icon({ path }) {
    return html`<svg class="fact-icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>`;
}

/** @param {EventData} event */
function times(event) {
    const starts = timeOfDay(event.starts_at_ms, event.time_zone);
    const zone = zoneName(event.starts_at_ms, event.time_zone);
    const doors = event.doors_at_ms ? `Doors ${timeOfDay(event.doors_at_ms, event.time_zone)}, starts ` : "Starts ";
    return `${doors}${starts} ${zone}`;
}

/** @param {EventData} event */
function place(event) {
    return [event.address, event.city].filter(Boolean).join(", ");
}
