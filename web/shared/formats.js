// Money, dates and durations in the reader's own language, by Intl.

import { language, locale, t } from "./i18n.js";

const DAY_MS = 86_400_000;
// What ends within this time is one evening, even if it goes on after midnight.
const EVENING_MS = DAY_MS / 2;

// In what is read from right to left, the sign of "US$" would land before its letters.
const LETTERS_AND_SIGN = /(?<=[A-Z]\p{Sc})$/u;
const LEFT_TO_RIGHT = "\u200e";

/** @type {Map<string, Intl.NumberFormat>} */
const moneyFormats = new Map();

/**
 * Return an amount such as "€49.50"; whole amounts go without decimals.
 *
 * @param {number} minor in the currency's minor unit
 * @param {string} currency ISO 4217
 */
export function money(minor, currency) {
    const digits = minorDigits(currency);
    const isWhole = minor % 10 ** digits === 0;
    const key = `${currency}${isWhole ? 0 : digits}`;
    let format = moneyFormats.get(key);
    if (!format) {
        const shown = isWhole ? 0 : digits;
        format = new Intl.NumberFormat(language, {
            style: "currency",
            currency,
            minimumFractionDigits: shown,
            maximumFractionDigits: shown,
        });
        moneyFormats.set(key, format);
    }
    return format.format(minor / 10 ** digits).replace(LETTERS_AND_SIGN, LEFT_TO_RIGHT);
}

/**
 * Return an amount as it is typed: digits and a point, no currency.
 *
 * @param {number} minor in the currency's minor unit
 * @param {string} currency ISO 4217
 */
export function plainAmount(minor, currency) {
    const digits = minorDigits(currency);
    return (minor / 10 ** digits).toFixed(minor % 10 ** digits === 0 ? 0 : digits);
}

/** @param {string} currency */
function minorDigits(currency) {
    const format = new Intl.NumberFormat("en", { style: "currency", currency });
    return format.resolvedOptions().maximumFractionDigits ?? 2;
}

const numberFormat = new Intl.NumberFormat(language);

/** @param {number} value */
export function count(value) {
    return numberFormat.format(value);
}

const shareFormat = new Intl.NumberFormat(language, { style: "percent" });

/**
 * Return how much a part is of a whole, as "62%". Neither nothing nor everything is said of what is only nearly that.
 *
 * @param {number} part
 * @param {number} whole
 */
export function share(part, whole) {
    const exact = whole > 0 ? part / whole : 0;
    const isBetween = exact > 0 && exact < 1;
    return shareFormat.format(isBetween ? Math.min(0.99, Math.max(0.01, exact)) : exact);
}

// As wide as a digit and as a separator.
const FIGURE_SPACE = "\u2007";
const PUNCTUATION_SPACE = "\u2008";

/**
 * Return a count that takes the room of a larger one, so that nothing moves while it falls.
 *
 * @param {number} value
 * @param {number} widest
 */
export function paddedCount(value, widest) {
    const text = count(value);
    const missing = count(Math.max(value, widest)).slice(0, -text.length);
    return missing.replace(/\p{Nd}/gu, FIGURE_SPACE).replace(/[^\u2007]/g, PUNCTUATION_SPACE) + text;
}

/**
 * Return a countdown: "4:07", "1:04:07", or "2 days 4:07:09" further out. Rounded up, so that 0:00 means over.
 *
 * @param {number} ms
 */
export function countdown(ms) {
    const total = Math.max(0, Math.ceil(ms / 1000));
    const { days, hours, minutes, seconds } = parts(total);
    const tail = `${pad(minutes, hours > 0 || days > 0)}:${pad(seconds, true)}`;
    const clock = hours > 0 || days > 0 ? `${hours}:${tail}` : tail;
    return days > 0 ? `${t("shared.days", { count: days })} ${clock}` : clock;
}

/**
 * Return a duration as one says it: "4 minutes 7 seconds". For screen readers.
 *
 * @param {number} ms
 */
export function spoken(ms) {
    const { days, hours, minutes, seconds } = parts(Math.max(0, Math.ceil(ms / 1000)));
    const said = [
        days > 0 && t("shared.days", { count: days }),
        hours > 0 && t("shared.hours", { count: hours }),
        minutes > 0 && t("shared.minutes", { count: minutes }),
        seconds > 0 && days === 0 && hours === 0 && t("shared.seconds", { count: seconds }),
    ].filter(Boolean);
    return said.length > 0 ? said.slice(0, 2).join(" ") : t("shared.seconds", { count: 0 });
}

/** @param {number} total seconds */
export function parts(total) {
    return {
        days: Math.floor(total / 86_400),
        hours: Math.floor(total / 3600) % 24,
        minutes: Math.floor(total / 60) % 60,
        seconds: total % 60,
    };
}

/**
 * @param {number} value
 * @param {boolean} isPadded
 */
function pad(value, isPadded) {
    return isPadded ? String(value).padStart(2, "0") : String(value);
}

/**
 * Return a date in the event's own time zone: "Saturday, 5 December 2026".
 *
 * @param {number} ms
 * @param {string} timeZone IANA name
 */
export function longDate(ms, timeZone) {
    return dateFormat({ weekday: "long", day: "numeric", month: "long", year: "numeric" }, timeZone).format(ms);
}

/** @typedef {{starts_at_ms: number, ends_at_ms: number | null, time_zone: string}} Span */

/**
 * Return when an event is, in its own time zone: "Saturday, 5 December 2026", and "5–7 May 2030" for several days.
 *
 * @param {Span} span
 */
export function eventDays(span) {
    const { starts_at_ms: starts, ends_at_ms: ends, time_zone: zone } = span;
    if (ends === null || !isOfSeveralDays(span)) {
        return longDate(starts, zone);
    }
    // What ends at midnight does not have the day that begins then.
    return dateFormat({ day: "numeric", month: "long", year: "numeric" }, zone).formatRange(starts, ends - 1);
}

/**
 * Return from when until when an event is: "20:00", "20:00–23:00", or "Sun 5 May, 18:00 – Tue 7 May, 16:00".
 *
 * @param {Span} span
 */
export function eventTimes(span) {
    const { starts_at_ms: starts, ends_at_ms: ends, time_zone: zone } = span;
    if (ends === null) {
        return timeOfDay(starts, zone);
    }
    if (isOfSeveralDays(span)) {
        return dateFormat({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, zone).formatRange(starts, ends);
    }
    // A range that Intl makes would name the days of an evening that goes on after midnight.
    return `${timeOfDay(starts, zone)}–${timeOfDay(ends, zone)}`;
}

/** @param {Span} span */
function isOfSeveralDays({ starts_at_ms: starts, ends_at_ms: ends, time_zone: zone }) {
    const day = dateFormat({ day: "numeric", month: "numeric", year: "numeric" }, zone);
    return ends !== null && ends - starts > EVENING_MS && day.format(starts) !== day.format(ends - 1);
}

/**
 * Return day and month for a calendar leaf.
 *
 * @param {number} ms
 * @param {string} timeZone
 */
export function leaf(ms, timeZone) {
    return {
        day: dateFormat({ day: "numeric" }, timeZone).format(ms),
        month: dateFormat({ month: "short" }, timeZone).format(ms),
    };
}

/**
 * Return a time of day in the event's own time zone: "20:00".
 *
 * @param {number} ms
 * @param {string} timeZone
 */
export function timeOfDay(ms, timeZone) {
    return dateFormat({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, timeZone).format(ms);
}

/**
 * Return the short name of a time zone on a day: "CET".
 *
 * @param {number} ms
 * @param {string} timeZone
 */
export function zoneName(ms, timeZone) {
    const found = dateFormat({ timeZoneName: "short" }, timeZone)
        .formatToParts(ms)
        .find((part) => part.type === "timeZoneName");
    return found ? found.value : timeZone;
}

/**
 * @param {Intl.DateTimeFormatOptions} options
 * @param {string} timeZone
 */
function dateFormat(options, timeZone) {
    try {
        return new Intl.DateTimeFormat(locale, { ...options, timeZone });
    } catch {
        // An old phone may not know a zone that was made after it.
        return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
    }
}

/** @type {Intl.DateTimeFormatOptions} */
const MINUTE = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const dateTime = new Intl.DateTimeFormat(locale, MINUTE);
const exactDateTime = new Intl.DateTimeFormat(locale, { ...MINUTE, second: "2-digit" });

/**
 * Return a moment in the reader's own zone: "22 Nov 2026, 17:13".
 *
 * @param {number} ms
 */
export function moment(ms) {
    return dateTime.format(ms);
}

/**
 * Return a moment to the second, which tells entries that belong together from those that don't: "22 Nov 2026, 17:13:05".
 *
 * @param {number} ms
 */
export function exactMoment(ms) {
    return exactDateTime.format(ms);
}

/**
 * Return how long ago something was, roughly: "3 minutes ago", and the date when it is older than a week.
 *
 * @param {number} ms
 * @param {number} now
 */
export function ago(ms, now) {
    const seconds = Math.max(0, Math.round((now - ms) / 1000));
    const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    if (seconds < 60) {
        return t("shared.just_now");
    }
    if (seconds < 3600) {
        return relative.format(-Math.round(seconds / 60), "minute");
    }
    if (seconds < 86_400) {
        return relative.format(-Math.round(seconds / 3600), "hour");
    }
    return seconds < 7 * 86_400 ? relative.format(-Math.round(seconds / 86_400), "day") : moment(ms);
}

/**
 * Return days of the calendar as one says them, those that follow each other as one: "1 – 3 June 2030 and 9 June 2030".
 *
 * @param {readonly string[]} days such as "2030-06-01"
 */
export function calendarDays(days) {
    const format = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
    /** @type {{first: number, last: number}[]} */
    const runs = [];
    for (const at of days.map((day) => Date.parse(day)).sort((a, b) => a - b)) {
        const run = runs.at(-1);
        if (run && at - run.last === DAY_MS) {
            run.last = at;
        } else {
            runs.push({ first: at, last: at });
        }
    }
    return listed(runs.map(({ first, last }) => format.formatRange(first, last)));
}

/**
 * Return hundredths of a percent as one writes them: "7.5%".
 *
 * @param {number} basisPoints
 */
export function percent(basisPoints) {
    return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 2 }).format(basisPoints / 10_000);
}

/**
 * Return several things as one says them: "Standing, Balcony and Box".
 *
 * @param {string[]} items
 */
export function listed(items) {
    return new Intl.ListFormat(locale, { style: "long", type: "conjunction" }).format(items);
}
