// A time as clocks at the venue show it. Where clocks are set back an hour comes twice: then it is asked which one.
import { Select, TextField } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * A field for a time: what the server wrote goes back as it is while nobody touches it, with the offset that it has in an
 * hour that comes twice.
 *
 * @param {import("../shared/forms.js").FieldProps & {zone: string, value: string | null, onValue: (value: string) => void, [other: string]: any}} given
 * @returns {Child}
 */
export function TimeField({ zone, value, onValue, ...field }) {
    const clock = (value ?? "").slice(0, 16);
    const twice = offsetsOf(clock, zone);
    const offset = /[+-]\d\d:\d\d$/.exec(value ?? "")?.[0] ?? twice?.[0];
    return html`<div class="time-field">
        <${TextField} ...${field} value=${clock} onValue=${onValue} type="datetime-local" />
        ${twice &&
        html`<${Select}
            name=${`${field.name}_which`}
            id=${`${field.id ?? `field-${field.name}`}-which`}
            label=${t("organizer.time.twice")}
            value=${offset}
            onValue=${(/** @type {string} */ chosen) => onValue(clock + chosen)}
            options=${twice.map((one, at) => ({ value: one, label: t(`organizer.time.${at === 0 ? "first" : "second"}`, { offset: one }) }))}
        />`}
    </div>`;
}

/**
 * Return the two offsets from UTC of a time that comes twice, the first one first; null for any other time.
 *
 * @param {string} clock such as "2030-10-27T02:30"
 * @param {string} zone
 * @returns {[string, string] | null}
 */
export function offsetsOf(clock, zone) {
    const wall = Date.parse(`${clock}Z`);
    if (Number.isNaN(wall)) {
        return null;
    }
    // No zone sets its clocks twice within two days.
    const [before, after] = [minutesAt(wall - DAY_MS, zone), minutesAt(wall + DAY_MS, zone)];
    const isTime = (/** @type {number} */ minutes) => minutesAt(wall - minutes * MINUTE_MS, zone) === minutes;
    return before !== after && isTime(before) && isTime(after) ? [written(before), written(after)] : null;
}

/**
 * Return how far clocks in a zone are ahead of UTC at a moment.
 *
 * @param {number} at
 * @param {string} zone
 */
function minutesAt(at, zone) {
    /** @type {Intl.DateTimeFormatOptions} */
    const options = { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" };
    const parts = new Intl.DateTimeFormat("en", options).formatToParts(at);
    const [year, month, day, hour, minute] = ["year", "month", "day", "hour", "minute"].map((type) => Number(parts.find((part) => part.type === type)?.value));
    const shown = Date.UTC(Number(year), Number(month) - 1, day, hour, minute);
    return Math.round((shown - Math.floor(at / MINUTE_MS) * MINUTE_MS) / MINUTE_MS);
}

/** @param {number} minutes */
function written(minutes) {
    const size = Math.abs(minutes);
    return `${minutes < 0 ? "-" : "+"}${String(Math.floor(size / 60)).padStart(2, "0")}:${String(size % 60).padStart(2, "0")}`;
}
