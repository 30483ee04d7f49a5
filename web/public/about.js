// Who, what, when, where.
import { eventDays, eventTimes, leaf, timeOfDay, zoneName } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { ServerHtml } from "../shared/server-html.js";

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
                <img class="poster-art" src=${event.image_url || `/posters/${event.slug}.svg`} data-instead=${`/posters/${event.slug}.svg`} alt=${event.image_alt} width="1200" height="675" />
                <div class="date-leaf" aria-hidden="true"><span>${date.month}</span><strong>${date.day}</strong></div>
            </div>
            <p class="organiser">${rich("event.presents", { organiser: html`<a href=${`/o/${event.organisation}`}><bdi>${event.organiser}</bdi></a>` })}</p>
            <h1><bdi>${event.title}</bdi></h1>
            ${event.summary && html`<p class="summary"><bdi>${event.summary}</bdi></p>`}
            <dl class="facts">
                <div>
                    <dt><${Icon} path="M4 6h16v14H4zM4 10.5h16M8.5 3v5M15.5 3v5" /><span class="visually-hidden">${t("event.when")}</span></dt>
                    <dd>
                        <strong>${eventDays(event)}</strong>
                        <span>${times(event)}</span>
                    </dd>
                </div>
                ${(event.venue_name || event.city || event.address) &&
                html`<div>
                    <dt><${Icon} path="M12 21c-4.5-4.8-7-8.3-7-11.300a7 7 0 0 1 14 0c0 3-2.5 6.5-7 11.300zM12 12.200a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z" /><span class="visually-hidden">${t("event.where")}</span></dt>
                    <dd>
                        <strong><bdi>${event.venue_name || event.city}</bdi></strong>
                        <span><bdi>${place(event)}</bdi></span>
                    </dd>
                </div>`}
            </dl>
        </header>
    `;
}

/**
 * @param {{event: EventData}} given
 * @returns {Child}
 */
export function EventDescription({ event }) {
    return html`
        <section class="event-more" aria-label=${t("event.about_label")}>
            ${event.description_html &&
            html`<h2>${t("event.about")}</h2>
                <${ServerHtml} text=${event.description_html} />`}
            ${event.images.length > 0 &&
            html`<h2>${t("event.pictures")}</h2>
                <ul class="pictures">
                    ${event.images.map((address, at) => html`<li key=${address}><img src=${address} alt=${t("event.picture", { number: at + 1, title: event.title })} loading="lazy" /></li>`)}
                </ul>`}
            ${event.tags.length > 0 &&
            html`<h2>${t("event.tags")}</h2>
                <ul class="tags">
                    ${event.tags.map((tag) => html`<li key=${tag}><a class="chip" href=${`/?tag=${encodeURIComponent(tag)}`}><bdi>${tag}</bdi></a></li>`)}
                </ul>`}
            <h2>${t("event.good_to_know")}</h2>
            <ul class="promises">
                <li>${t("event.promise_1")}</li>
                <li>${t("event.promise_2")}</li>
                <li>${t("event.promise_3")}</li>
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
    const zone = zoneName(event.starts_at_ms, event.time_zone);
    const values = { times: eventTimes(event), zone, doors: event.doors_at_ms ? timeOfDay(event.doors_at_ms, event.time_zone) : "" };
    const name = event.ends_at_ms === null ? "starts" : "times";
    return t(event.doors_at_ms ? `event.doors_and_${name}` : `event.${name}`, values);
}

/** @param {EventData} event */
function place(event) {
    // Without a venue the city stands above.
    return [event.address, event.venue_name && event.city].filter(Boolean).join(", ");
}
