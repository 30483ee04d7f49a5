// The fields of an event's editor. Each writes into the draft, which saves by itself.
import { Select, TextArea, TextField } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Panel } from "../shared/parts.js";
import { useResource } from "../shared/resource.js";
import { countryOptions } from "./countries.js";
import { GeoField, ImagesField, useWritten } from "./event-more.js";
import { everything } from "../shared/list.js";
import { TimeField } from "./time-field.js";
import { languageOptions, zoneOptions } from "./zones.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./editor.js").EventDocument} EventDocument */
/** @typedef {{draft: import("./draft.js").Draft<EventDocument>}} Given */

const CATEGORIES = [
    ...["", "music", "theatre", "comedy", "film", "art", "dance", "literature", "festival", "sport", "food"],
    ...["business", "technology", "science", "education", "family", "community", "health", "nightlife"],
    ...["outdoors", "religion", "other"],
];

/**
 * What ties a field to the draft.
 *
 * @param {Given["draft"]} draft
 * @param {keyof EventDocument & string} name
 */
function bound(draft, name) {
    return {
        name,
        value: draft.value.value[name],
        wrong: draft.errors.value[name],
        onValue: (/** @type {any} */ value) => draft.set(name, value),
    };
}

/**
 * A time that may be left out: an empty field is none.
 *
 * @param {Given["draft"]} draft
 * @param {keyof EventDocument & string} name
 */
function boundTime(draft, name) {
    const zone = draft.value.value.time_zone;
    return { ...bound(draft, name), zone, onValue: (/** @type {string} */ written) => draft.set(name, written || null) };
}

/**
 * @param {Given} given
 * @returns {Child}
 */
export function Basics({ draft }) {
    const tags = bound(draft, "tags");
    return html`<${Panel} id="basics" title=${t("organizer.editor.basics")}>
        <${TextField} ...${bound(draft, "title")} label=${t("organizer.event.title")} maxlength="200" dir="auto" />
        <${TextField} ...${bound(draft, "summary")} label=${t("organizer.event.summary")} hint=${t("organizer.event.summary_hint")} maxlength="300" dir="auto" isOptional />
        <div class="form-row">
            <${Select}
                ...${bound(draft, "category")}
                label=${t("organizer.event.category")}
                isOptional
                options=${CATEGORIES.map((value) => ({ value, label: t(`organizer.category.${value || "none"}`) }))}
            />
            <${TagsField} value=${tags.value} wrong=${tags.wrong} onTags=${tags.onValue} />
        </div>
        <div class="form-row">
            <${Select} ...${bound(draft, "language")} label=${t("organizer.event.language")} isOptional options=${languageOptions(draft.value.value.language)} />
            <${TextField} ...${bound(draft, "slug")} label=${t("organizer.address")} hint=${t("organizer.event.slug_hint")} before=${`${location.host}/e/`} maxlength="80" autocapitalize="none" spellcheck=${false} data-latin />
        </div>
        <${TextField} ...${bound(draft, "image_url")} label=${t("organizer.event.image")} hint=${t("organizer.event.image_hint")} type="url" maxlength="2048" isOptional />
        ${draft.value.value.image_url && html`<${TextField} ...${bound(draft, "image_alt")} label=${t("organizer.event.image_alt")} hint=${t("organizer.event.image_alt_hint")} maxlength="300" dir="auto" isOptional />`}
        <${ImagesField} draft=${draft} />
    <//>`;
}

/** @param {string} text */
function tagsOf(text) {
    return [...new Set(text.split(/[,،]/).map((tag) => tag.trim()).filter(Boolean))].slice(0, 20);
}

/**
 * Tags are written with commas; what is written stays as it is until the field is left, whatever is saved meanwhile.
 *
 * @param {{value: readonly string[], wrong: string | undefined, onTags: (tags: string[]) => void}} given
 * @returns {Child}
 */
function TagsField({ value, wrong, onTags }) {
    const [text, setText] = useWritten([...value], (tags) => tags.join(", "), tagsOf);
    return html`<${TextField}
        name="tags"
        label=${t("organizer.event.tags")}
        placeholder=${t("organizer.event.tags_example")}
        value=${text}
        wrong=${wrong}
        isOptional
        dir="auto"
        onValue=${setText}
        onChange=${(/** @type {Event} */ event) => onTags(tagsOf(/** @type {HTMLInputElement} */ (event.currentTarget).value))}
    />`;
}

/**
 * @param {Given} given
 * @returns {Child}
 */
export function Description({ draft }) {
    return html`<${Panel} id="description" title=${t("organizer.event.description")} note=${t("organizer.event.description_note")}>
        <${TextArea} ...${bound(draft, "description")} label=${t("organizer.event.description")} rows=${12} maxlength="20000" dir="auto" isOptional />
    <//>`;
}

/**
 * @param {Given & {place: import("./frame.js").Place}} given
 * @returns {Child}
 */
export function TimeAndPlace({ draft, place }) {
    const event = draft.value.value;
    const venues = useResource(async () => /** @type {{venue: string, name: string, city: string, time_zone: string}[]} */ (await everything(`${place.api}/venues`)));
    const known = venues.value ?? [];
    return html`
        <${Panel} id="time" title=${t("organizer.editor.time")}>
            <div class="form-row">
                <${TimeField} ...${boundTime(draft, "starts_at")} label=${t("organizer.event.starts_at")} />
                <${TimeField} ...${boundTime(draft, "ends_at")} label=${t("organizer.event.ends_at")} isOptional />
            </div>
            <div class="form-row">
                <${TimeField} ...${boundTime(draft, "doors_at")} label=${t("organizer.event.doors_at")} isOptional />
                <${Select} ...${bound(draft, "time_zone")} label=${t("organizer.event.time_zone")} hint=${t("organizer.event.time_zone_hint")} options=${zoneOptions(event.time_zone)} />
            </div>
            <${TimeField} ...${boundTime(draft, "opens_at")} label=${t("organizer.event.opens_at")} hint=${t("organizer.event.opens_at_hint")} isOptional />
        <//>
        <${Panel} id="venue" title=${t("organizer.editor.venue")}>
            ${known.length > 0 &&
            html`<${Select}
                ...${bound(draft, "venue")}
                value=${event.venue ?? ""}
                onValue=${(/** @type {string} */ venue) => draft.set("venue", venue || null)}
                label=${t("organizer.event.venue")}
                options=${[{ value: "", label: t("organizer.event.other_venue") }, ...known.map((one) => ({ value: one.venue, label: [one.name, one.city].filter(Boolean).join(", ") }))]}
            />`}
            ${!event.venue &&
            html`
                <${TextField} ...${bound(draft, "venue_name")} label=${t("organizer.event.venue_name")} maxlength="300" dir="auto" />
                <${TextField} ...${bound(draft, "address")} label=${t("organizer.event.address")} maxlength="300" dir="auto" autocomplete="off" isOptional />
                <div class="form-row">
                    <${TextField} ...${bound(draft, "city")} label=${t("organizer.event.city")} maxlength="120" dir="auto" autocomplete="off" isOptional />
                    <${CountryField} draft=${draft} />
                </div>
                <${GeoField} draft=${draft} />
            `}
        <//>
    `;
}

/**
 * @param {Given} given
 * @returns {Child}
 */
function CountryField({ draft }) {
    const country = bound(draft, "country");
    return html`<${Select} ...${country} label=${t("organizer.event.country")} isOptional options=${countryOptions(String(country.value ?? ""))} />`;
}
