// What visitors will see of an event, as it is being written.
import { eventDays, eventTimes, leaf } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { priceNow } from "./prices.js";
import { ServerHtml } from "../shared/server-html.js";

/** @typedef {import("../shared/html.js").Child} Child */

/**
 * @param {{event: import("./editor.js").EventDocument, tickets: import("./tickets.js").TicketsValue, organiser: string}} given
 * @returns {Child}
 */
export function Preview({ event, tickets, organiser }) {
    const date = leaf(event.starts_at_ms, event.time_zone);
    // As the clock at the venue shows it: what is written is already that.
    const written = (/** @type {string | null} */ text) => (text ? Date.parse(`${text.slice(0, 16)}Z`) || null : null);
    const starts = written(event.starts_at);
    const when = starts === null ? null : { starts_at_ms: starts, ends_at_ms: written(event.ends_at), time_zone: "UTC" };
    const shown = tickets.ticket_types.filter((type) => !type.is_hidden && !type.is_retired);
    return html`<article class="preview">
        <p class="preview-note">${t("organizer.preview.label")}</p>
        <div class="poster">
            <img class="poster-art" src=${event.image_url || `/posters/${event.slug}.svg`} data-instead=${`/posters/${event.slug}.svg`} alt="" width="1200" height="675" />
            <div class="date-leaf" aria-hidden="true"><span>${date.month}</span><strong>${date.day}</strong></div>
        </div>
        <div class="preview-text">
            <p class="preview-organiser">${t("organizer.preview.presents", { organiser })}</p>
            <h2><bdi>${event.title}</bdi></h2>
            ${event.summary && html`<p class="quiet" dir="auto">${event.summary}</p>`}
            ${when && html`<p>${eventDays(when)}<br />${eventTimes(when)}</p>`}
            <p class="quiet"><bdi>${[event.venue_name, event.address, event.city].filter(Boolean).join(", ")}</bdi></p>
            ${shown.length > 0 &&
            html`<ul class="rows">
                ${shown.map(
                    (type) => html`<li>
                        <span><bdi>${type.name}</bdi></span>
                        <strong>${priceNow(type, event.currency, event.time_zone)}</strong>
                    </li>`,
                )}
            </ul>`}
            ${event.description_html && html`<${ServerHtml} text=${event.description_html} />`}
        </div>
    </article>`;
}
