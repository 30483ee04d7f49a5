// The places of an organisation: written once, used by many events.
import { get, problemOf, remove } from "../shared/api.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Empty, PageHead, Panel } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { delayed, toast } from "../shared/toasts.js";
import { showOrganisation } from "./frame.js";
import { More, useList } from "../shared/list.js";
import { VenueDialog } from "./venue-dialog.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {import("./venue-dialog.js").Venue} Venue */

const PIN = "M24 41S11 29 11 20a13 13 0 0 1 26 0c0 9-13 21-13 21zM24 25a5 5 0 1 0 0-10 5 5 0 0 0 0 10z";

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Venues({ place }) {
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Venue>>} */ (get(`${place.api}/venues`, { cursor })));
    const [open, setOpen] = useState(/** @type {{venue: Venue | null} | null} */ (null));
    const [gone, setGone] = useState(/** @type {string[]} */ ([]));
    const drop = (/** @type {Venue} */ venue) => {
        const back = () => setGone((before) => before.filter((one) => one !== venue.venue));
        const send = () =>
            remove(`${place.api}/venues/${venue.venue}`, { version: venue.version }).catch((/** @type {unknown} */ thrown) => {
                const problem = problemOf(thrown);
                toast(problem.details["reason"] === "has_events" ? t("team.venues.has_events", { name: venue.name }) : problem.text);
                back();
            });
        setOpen(null);
        setGone((before) => [...before, venue.venue]);
        delayed(t("team.venues.removed", { name: venue.name }), send, back);
    };
    const stored = (/** @type {Venue} */ venue) => {
        setOpen(null);
        list.edit((items) => (items.some((one) => one.venue === venue.venue) ? items.map((one) => (one.venue === venue.venue ? venue : one)) : [...items, venue]));
        toast(t("shared.saved"));
    };
    const mayEdit = place.may("venues.edit");
    const add = mayEdit && html`<button type="button" class="button button-main" onClick=${() => setOpen({ venue: null })}>${t("team.venues.add")}</button>`;
    return html`
        <${PageHead} title=${t("organizer.nav.venues")} text=${t("team.venues.text")}>${add}<//>
        <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${2} />`}>
            ${(/** @type {import("../shared/list.js").Part<Venue>} */ found) => {
                const shown = found.items.filter((one) => !gone.includes(one.venue));
                return shown.length === 0
                    ? html`<${Empty} title=${t("team.venues.none")} text=${t("team.venues.none_text")} icon=${PIN} />`
                    : html`<${Panel} id="venues" title=${t("organizer.nav.venues")}>
                          <ul class="rows">
                              ${shown.map(
                                  (venue) => html`<li key=${venue.venue}>
                                      <div class="row-text">
                                          <strong><bdi>${venue.name}</bdi></strong>
                                          <span><bdi>${[venue.address, venue.city].filter(Boolean).join(", ") || venue.time_zone}</bdi></span>
                                      </div>
                                      ${venue.capacity !== null && html`<span class="quiet">${t("organizer.tickets.places", { count: venue.capacity })}</span>`}
                                      ${mayEdit && html`<button type="button" class="button button-plain" aria-label=${t("team.venues.edit_one", { name: venue.name })} onClick=${() => setOpen({ venue })}>${t("shared.edit")}</button>`}
                                  </li>`,
                              )}
                          </ul>
                          <${More} list=${list} />
                      <//>`;
            }}
        <//>
        ${open && html`<${VenueDialog} key=${open.venue?.venue ?? "new"} place=${place} venue=${open.venue} onClose=${() => setOpen(null)} onStored=${stored} onRemove=${drop} onReload=${() => (setOpen(null), list.page.reload())} />`}
    `;
}

void showOrganisation("venues", (place) => html`<${Venues} place=${place} />`);
