// Round times along a chart, as the reader's clock shows them, and lengths of time as one says them.
import { locale, t } from "../shared/i18n.js";

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const MONTH_MINUTES = 30.5 * DAY_MINUTES;
const TICKS_MAX = 5;
// Near the end the word for the present needs its room.
const PLACED_MAX = 0.88;
const STEPS_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720];
const STEPS_DAYS = [1, 2, 3, 5, 7, 10, 14, 21, 28];
const STEPS_MONTHS = [2, 3, 6, 12, 24, 60];
const DAYS_MAX_MINUTES = Math.max(...STEPS_DAYS) * TICKS_MAX * DAY_MINUTES;

const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const month = new Intl.DateTimeFormat(locale, { month: "short", year: "numeric" });

/** @typedef {{at: number, label: string}} Tick where it is, from 0 to 1, and what stands there */

/**
 * Return the ticks of an axis from one time to another, the oldest first.
 *
 * @param {number} from_ms
 * @param {number} to_ms
 * @returns {Tick[]}
 */
export function ticks(from_ms, to_ms) {
    const minutes = (to_ms - from_ms) / MINUTE_MS;
    const round = roundTimes(new Date(from_ms), minutes);
    /** @type {Tick[]} */
    const found = [];
    for (let number = 0; number <= TICKS_MAX + 1; number++) {
        const moment = round(number);
        const at = (moment.getTime() - from_ms) / (to_ms - from_ms);
        if (at >= 0 && at <= PLACED_MAX && at > (found.at(-1)?.at ?? -1)) {
            found.push({ at, label: labelOf(moment, minutes) });
        }
    }
    return found;
}

/**
 * Return what makes round times of numbers: 0 of the last one before a moment, and so on. They go by the calendar, so that
 * a day of 23 hours has them, too.
 *
 * @param {Date} first
 * @param {number} minutes how long the axis is
 * @returns {(number: number) => Date}
 */
function roundTimes(first, minutes) {
    const [year, inYear, inMonth] = [first.getFullYear(), first.getMonth(), first.getDate()];
    const fits = (/** @type {number} */ step) => minutes / step <= TICKS_MAX;
    const step = STEPS_MINUTES.find(fits);
    if (step) {
        const begin = Math.floor((first.getHours() * 60 + first.getMinutes()) / step);
        return (number) => new Date(year, inYear, inMonth, 0, (begin + number) * step);
    }
    const days = STEPS_DAYS.find((one) => fits(one * DAY_MINUTES));
    if (days) {
        return (number) => new Date(year, inYear, inMonth + number * days);
    }
    const months = STEPS_MONTHS.find((one) => fits(one * MONTH_MINUTES)) ?? 120;
    return (number) => new Date(year, (Math.floor(inYear / months) + number) * months);
}

/**
 * @param {Date} moment
 * @param {number} minutes how long the whole axis is
 */
function labelOf(moment, minutes) {
    if (minutes > DAYS_MAX_MINUTES) {
        return month.format(moment);
    }
    const isMidnight = moment.getHours() === 0 && moment.getMinutes() === 0;
    return isMidnight && minutes > TICKS_MAX * 60 ? day.format(moment) : time.format(moment);
}

const UNITS = /** @type {const} */ ([["days", 86_400_000], ["hours", 3_600_000], ["minutes", MINUTE_MS], ["seconds", 1_000]]);

/**
 * Return a length of time for "in each …": "10 seconds", "hour".
 *
 * @param {number} ms
 */
export function every(ms) {
    const [unit, length] = UNITS.find((one) => ms % one[1] === 0) ?? UNITS[3];
    return t(`selling.every.${unit}`, { count: ms / length });
}
