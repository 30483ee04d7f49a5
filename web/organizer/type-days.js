// The days of an event that a ticket is for.
import { Checkboxes } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { locale, t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */

const DAY_MS = 86_400_000;
const DAYS_MAX = 366;
const day = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

/**
 * Return the days of an event as clocks at the venue show them: one that ends at midnight does not have the day that
 * begins then.
 *
 * @param {{starts_at: string, ends_at: string | null}} event
 */
function daysOf({ starts_at, ends_at }) {
    const first = Date.parse(starts_at.slice(0, 10));
    const last = ends_at ? Date.parse(ends_at.slice(0, 10)) - (/T00:00(:00)?$/.test(ends_at) ? DAY_MS : 0) : first;
    const count = Math.min(DAYS_MAX, Math.round((last - first) / DAY_MS) + 1);
    return Array.from({ length: Math.max(1, count) }, (_, at) => new Date(first + at * DAY_MS).toISOString().slice(0, 10));
}

/**
 * @param {{event: import("./editor.js").EventDocument, field: {value: string[], wrong: string | undefined, onValue: (value: string[]) => void}}} given
 * @returns {Child}
 */
export function Days({ event, field }) {
    // What is chosen and is no day of the event any more can be seen, and taken away.
    const days = [...new Set([...daysOf(event), ...field.value])].sort();
    const options = days.length > 1 ? days.map((one) => ({ value: one, label: day.format(Date.parse(one)) })) : [];
    const hint = t(days.length > 1 ? "organizer.type.days_hint" : "organizer.type.days_one");
    return html`<${Checkboxes} ...${field} id="days" kind="days" label=${t("organizer.type.days")} hint=${hint} options=${options} />`;
}
