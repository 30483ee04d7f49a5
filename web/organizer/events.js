// An organisation's events, and, while there are none, how to come to the first.
import { get } from "../shared/api.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, PageHead, Tabs } from "../shared/parts.js";
import { More, useList } from "../shared/list.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { longDate, timeOfDay } from "../shared/formats.js";
import { showOrganisation } from "./frame.js";
import { Offers } from "./partners.js";
import { TONES } from "./status.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{event: string, title: string, status: string, starts_at_ms: number, time_zone: string, city: string, image_url: string, slug: string}} EventRow */
/** @typedef {{items: EventRow[], next_cursor: string | null}} EventPage */

const FILTERS = ["all", "draft", "on_sale", "ended"];

/**
 * Somebody who has no role in the whole organisation sees the events that they have one for.
 *
 * @param {{place: Place}} given
 * @returns {Child}
 */
function EventsOfRoles({ place }) {
    const ids = [...new Set(place.user.memberships.flatMap((one) => (one.organisation.id === place.id && one.event ? [one.event] : [])))];
    const events = useResource(async () => {
        const found = await Promise.all(ids.map((id) => /** @type {Promise<EventRow>} */ (get(`${place.api}/events/${id}`))));
        return found.sort((one, other) => other.starts_at_ms - one.starts_at_ms);
    });
    return html`
        <${PageHead} title=${t("organizer.nav.events")} text=${t("organizer.events.of_roles")} />
        <${Loaded} resource=${events} skeleton=${html`<${Skeleton} kind="rows" lines=${ids.length} />`}>
            ${(/** @type {EventRow[]} */ found) => html`<ul class="event-rows">
                ${found.map((event) => html`<${Row} key=${event.event} event=${event} place=${place} />`)}
            </ul>`}
        <//>
    `;
}

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Events({ place }) {
    const [filter, setFilter] = useState("all");
    const list = useList(
        (cursor) => /** @type {Promise<EventPage>} */ (get(`${place.api}/events`, { status: filter === "all" ? null : filter, cursor })),
        [filter],
    );
    const { page } = list;
    const isFirst = filter === "all" && page.value?.items.length === 0;
    const mayCreate = place.may("events.create");
    return html`
        <${PageHead} title=${t("organizer.nav.events")}>
            ${mayCreate && !isFirst && html`<a class="button button-main" href=${`${place.base}/events/new`}>${t("organizer.new_event.title")}</a>`}
        <//>
        <${Offers} place=${place} onAccepted=${() => page.reload()} />
        ${isFirst
            ? html`<${FirstEvent} place=${place} mayCreate=${mayCreate} />`
            : html`
                  <${Tabs}
                      label=${t("organizer.nav.events")}
                      tabs=${FILTERS.map((id) => ({ id, label: t(`organizer.filter.${id}`) }))}
                      chosen=${filter}
                      onChoose=${setFilter}
                  />
                  <div role="tabpanel" id=${`panel-${filter}`} aria-labelledby=${`tab-${filter}`}>
                      <${Loaded} resource=${page} skeleton=${html`<${Skeleton} kind="rows" lines=${4} />`}>
                          ${(/** @type {EventPage} */ found) =>
                              found.items.length === 0
                                  ? html`<p class="quiet empty">${t("organizer.no_events_like_this")}</p>`
                                  : html`<ul class="event-rows">
                                            ${found.items.map((event) => html`<${Row} key=${event.event} event=${event} place=${place} />`)}
                                        </ul>
                                        <${More} list=${list} />`}
                      <//>
                  </div>
              `}
        <p class="quiet"><a href=${`${place.base}/transfer`}>${t("organizer.transfer")}</a></p>
    `;
}

/**
 * @param {{event: EventRow, place: Place}} given
 * @returns {Child}
 */
function Row({ event, place }) {
    const isSelling = ["on_sale", "paused", "sold_out", "ended"].includes(event.status);
    return html`<li class="event-row">
        <img src=${event.image_url || `/posters/${event.slug}.svg`} data-instead=${`/posters/${event.slug}.svg`} alt="" width="128" height="72" loading="lazy" />
        <div class="row-text">
            <strong><a href=${`${place.base}/events/${event.event}`}><bdi>${event.title}</bdi></a></strong>
            <span>${t("shared.day_and_time", { day: longDate(event.starts_at_ms, event.time_zone), time: timeOfDay(event.starts_at_ms, event.time_zone) })}${event.city && html` · <bdi>${event.city}</bdi>`}</span>
        </div>
        <${Badge} tone=${TONES[event.status]}>${t(`organizer.status.${event.status}`)}<//>
        ${isSelling &&
        place.may("sales.watch", event.event) &&
        html`<a class="button button-quiet" href=${`${place.base}/events/${event.event}/sales`}>${t("organizer.watch_sales")}</a>`}
    </li>`;
}

const STEPS = ["say", "tickets", "publish"];

/**
 * @param {{place: Place, mayCreate: boolean}} given
 * @returns {Child}
 */
function FirstEvent({ place, mayCreate }) {
    return html`<section class="first" aria-labelledby="first-title">
        <h2 id="first-title">${t("organizer.first.title")}</h2>
        <p class="quiet">${t("organizer.first.text")}</p>
        <ol class="first-steps">
            ${STEPS.map(
                (step, at) => html`<li>
                    <span class="first-number" aria-hidden="true">${at + 1}</span>
                    <h3>${t(`organizer.first.${step}`)}</h3>
                    <p class="quiet">${t(`organizer.first.${step}_text`)}</p>
                </li>`,
            )}
        </ol>
        ${mayCreate && html`<a class="button button-main" href=${`${place.base}/events/new`}>${t("organizer.first.button")}</a>`}
    </section>`;
}

void showOrganisation("events", (place) => (place.may("events.read") ? html`<${Events} place=${place} />` : html`<${EventsOfRoles} place=${place} />`));
