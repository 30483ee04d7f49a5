// One venue: what it is called, where it is, its clocks, and how many it takes.
import { post, put } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { countryOptions } from "./countries.js";
import { zoneOptions } from "./zones.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{venue: string, version: number, name: string, address: string, city: string, country: string, geo: {latitude: number, longitude: number} | null, time_zone: string, capacity: number | null}} Venue */

/** @param {string} text @param {number} most */
function degrees(text, most) {
    const value = Number(text.replace(",", "."));
    return text.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= most ? value : null;
}

/**
 * @param {{place: import("./frame.js").Place, venue: Venue | null, onClose: () => void, onStored: (venue: Venue) => void, onRemove: (venue: Venue) => void, onReload: () => void}} given
 * @returns {Child}
 */
export function VenueDialog({ place, venue, onClose, onStored, onRemove, onReload }) {
    const form = useForm({
        initial: {
            name: venue?.name ?? "",
            address: venue?.address ?? "",
            city: venue?.city ?? "",
            country: venue?.country ?? "",
            time_zone: venue?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
            capacity: venue?.capacity === null || venue === null ? "" : String(venue.capacity),
            latitude: venue?.geo ? String(venue.geo.latitude) : "",
            longitude: venue?.geo ? String(venue.geo.longitude) : "",
        },
        check: (given) => {
            const isPlaced = Boolean(given["latitude"].trim() || given["longitude"].trim());
            return {
                name: given["name"].trim() ? undefined : t("shared.field.missing"),
                capacity: /^\d{0,7}$/.test(given["capacity"].trim()) ? undefined : t("shared.field.int_parsing"),
                latitude: !isPlaced || degrees(given["latitude"], 90) !== null ? undefined : t("team.wrong.degrees", { most: 90 }),
                longitude: !isPlaced || degrees(given["longitude"], 180) !== null ? undefined : t("team.wrong.degrees", { most: 180 }),
            };
        },
        called: { "geo.latitude": "latitude", "geo.longitude": "longitude" },
        send: async (given) => {
            const latitude = degrees(given["latitude"], 90);
            const longitude = degrees(given["longitude"], 180);
            const body = {
                name: given["name"].trim(),
                address: given["address"].trim(),
                city: given["city"].trim(),
                country: given["country"],
                time_zone: given["time_zone"],
                capacity: given["capacity"].trim() === "" ? null : Number(given["capacity"]),
                geo: latitude === null || longitude === null ? null : { latitude, longitude },
            };
            const answer = venue ? await put(`${place.api}/venues/${venue.venue}`, body, { version: venue.version }) : await post(`${place.api}/venues`, body);
            onStored(/** @type {Venue} */ (answer.value));
        },
    });
    return html`<${Dialog} title=${venue?.name ?? t("team.venues.add")} onClose=${onClose}>
        <${FormBox} form=${form}>
            ${form.problem?.code === "version_conflict" && html`<button type="button" class="button button-quiet" onClick=${onReload}>${t("organizer.conflict.theirs")}</button>`}
            <${TextField} ...${form.field("name")} label=${t("organizer.event.venue_name")} maxlength="120" dir="auto" autofocus />
            <${TextField} ...${form.field("address")} label=${t("organizer.event.address")} maxlength="300" dir="auto" autocomplete="off" isOptional />
            <div class="form-row">
                <${TextField} ...${form.field("city")} label=${t("organizer.event.city")} maxlength="120" dir="auto" autocomplete="off" isOptional />
                <${Select} ...${form.field("country")} label=${t("organizer.event.country")} isOptional options=${countryOptions(form.values["country"])} />
            </div>
            <div class="form-row">
                <${Select} ...${form.field("time_zone")} label=${t("organizer.event.time_zone")} options=${zoneOptions(form.values["time_zone"])} />
                <${TextField} ...${form.field("capacity")} label=${t("team.venues.capacity")} inputmode="numeric" maxlength="7" isOptional />
            </div>
            <details>
                <summary>${t("team.venues.on_map")}</summary>
                <div class="form-row">
                    <${TextField} ...${form.field("latitude")} label=${t("team.venues.latitude")} inputmode="decimal" placeholder="53.0793" maxlength="12" isOptional />
                    <${TextField} ...${form.field("longitude")} label=${t("team.venues.longitude")} inputmode="decimal" placeholder="8.8017" maxlength="12" isOptional />
                </div>
            </details>
            <div class="form-actions">
                <${SubmitButton} form=${form}>${t("shared.save")}<//>
                ${venue && html`<button type="button" class="button button-plain" data-tone="danger" onClick=${() => onRemove(venue)}>${t("shared.remove")}</button>`}
            </div>
        <//>
    <//>`;
}
