// What the sale was before now: what was sold since its first ticket in spans of one width, which the server counts and
// what is seen here is added to; and what was seen itself, one sample a second, for what no record has: what was held.

/** @typedef {import("../shared/connection.js").SalesState} SalesState */
/** @typedef {{time_ms: number, sold: number, held: number}} Sample */
/** @typedef {{capacity: number, free: number, held: number, sold: number, withheld: number}} Counts */
/** @typedef {{from_ms: number, width_ms: number, sold: number[], cancelled: number[]}} Counted spans as the server counts them */
/** @typedef {{from_ms: number, sold: number, cancelled: number}} Bar */
/** @typedef {{from_ms: number, width_ms: number, bars: Bar[]}} Spans the bars of those in which something was sold, the oldest first */
/** @typedef {{time_ms: number, sold: number, whole: Spans, recent: Spans}} Past until when it is known, and what was sold by then */

export const RECENT_MS = 600_000;
const SECONDS_MAX = RECENT_MS / 1000;
const SPANS_MAX = 240;
const STEP_MS = 10_000;

/**
 * Return where all places of a sale are.
 *
 * @param {SalesState["pools"]} pools
 * @returns {Counts}
 */
export function total(pools) {
    const sum = { capacity: 0, free: 0, held: 0, sold: 0, withheld: 0 };
    for (const pool of pools) {
        sum.capacity += pool.capacity;
        sum.free += pool.free;
        sum.held += pool.held;
        sum.sold += pool.sold;
        sum.withheld += pool.withheld;
    }
    return sum;
}

/**
 * Return how many tickets are sold and held. A ticket may take a place of several pools, so places don't say.
 *
 * @param {SalesState} state
 * @returns {Sample}
 */
export function sampleOf(state) {
    const sample = { time_ms: state.time_ms, sold: 0, held: 0 };
    for (const kind of state.ticket_types) {
        sample.sold += kind.sold;
        sample.held += kind.held;
    }
    return sample;
}

/**
 * Return the samples with a new one. Within one second the newest counts; what is too old is left out.
 *
 * @param {readonly Sample[]} samples
 * @param {Sample} sample
 * @returns {Sample[]}
 */
export function extended(samples, sample) {
    const second = Math.floor(sample.time_ms / 1000);
    const kept = samples.filter((one) => {
        const age = second - Math.floor(one.time_ms / 1000);
        return age > 0 && age < SECONDS_MAX;
    });
    return [...kept, sample];
}

/**
 * Return the past of a sale as the server has counted it.
 *
 * @param {{time_ms: number, whole: Counted, recent: Counted}} counted
 * @returns {Past}
 */
export function pastOf({ time_ms, whole, recent }) {
    const spans = [whole, recent].map(({ from_ms, width_ms, sold, cancelled }) => ({
        from_ms,
        width_ms,
        bars: sold.map((one, at) => ({ from_ms: from_ms + at * width_ms, sold: one, cancelled: cancelled[at] ?? 0 })).filter((bar) => bar.sold > 0),
    }));
    const [first, last] = /** @type {[Spans, Spans]} */ (spans);
    return { time_ms, sold: remaining(first), whole: first, recent: last };
}

/**
 * Return a past that begins with the first that is seen: the server has not said yet what was before.
 *
 * @param {Sample} sample
 * @returns {Past}
 */
export function begun({ time_ms, sold }) {
    const spans = { from_ms: startOf(time_ms, STEP_MS), width_ms: STEP_MS, bars: [] };
    return { time_ms, sold, whole: spans, recent: spans };
}

/**
 * Return the past with a state of the sale: how many tickets are sold since a moment. What is older than what was counted,
 * and was on its way meanwhile, takes nothing away from it.
 *
 * @param {Past} past
 * @param {Sample} state
 * @returns {Past}
 */
export function advanced(past, { sold, time_ms: since }) {
    const change = sold - past.sold;
    if (change === 0 || (change < 0 && since <= past.time_ms)) {
        return past;
    }
    const time_ms = Math.max(since, past.time_ms);
    const recent = changed(past.recent, change, time_ms);
    const kept = recent.bars.filter((bar) => bar.from_ms > time_ms - RECENT_MS - STEP_MS);
    return { time_ms, sold, whole: changed(past.whole, change, time_ms), recent: { ...recent, bars: kept } };
}

/**
 * Say whether a sale has become so long that its spans are too narrow for it.
 *
 * @param {Past} past
 * @param {number} now
 */
export function isOutgrown({ whole }, now) {
    return (now - whole.from_ms) / whole.width_ms > SPANS_MAX;
}

/**
 * Return what was sold when, the oldest first: by spans, and from the first sample on as it was seen.
 *
 * @param {Past} past
 * @param {Spans} spans
 * @param {readonly Sample[]} samples
 * @returns {Sample[]}
 */
export function courseOf(past, spans, samples) {
    const seen = samples[0]?.time_ms ?? Infinity;
    let sold = past.sold - remaining(spans);
    const points = [{ time_ms: Math.min(spans.from_ms, seen), sold, held: 0 }];
    for (const bar of spans.bars) {
        sold += bar.sold - bar.cancelled;
        if (bar.from_ms + spans.width_ms <= seen) {
            points.push({ time_ms: bar.from_ms + spans.width_ms, sold, held: 0 });
        }
    }
    return [...points, ...samples];
}

/**
 * Return how many tickets were sold between two moments, as far as that is known.
 *
 * @param {readonly Sample[]} course
 * @param {number} from_ms
 * @param {number} to_ms
 */
export function soldBetween(course, from_ms, to_ms) {
    const at = (/** @type {number} */ moment) => (course.findLast((one) => one.time_ms <= moment) ?? course[0])?.sold ?? 0;
    return Math.max(0, at(to_ms) - at(from_ms));
}

/** @param {Spans} spans */
function remaining(spans) {
    return spans.bars.reduce((sum, bar) => sum + bar.sold - bar.cancelled, 0);
}

/**
 * Return spans with so many more tickets sold, or fewer, in the one that a moment is in.
 *
 * @param {Spans} spans
 * @param {number} change
 * @param {number} time_ms
 * @returns {Spans}
 */
function changed(spans, change, time_ms) {
    const from_ms = startOf(time_ms, spans.width_ms);
    const last = spans.bars.at(-1);
    const bar = last?.from_ms === from_ms ? last : { from_ms, sold: 0, cancelled: 0 };
    const before = bar === last ? spans.bars.slice(0, -1) : spans.bars;
    return { ...spans, bars: [...before, { from_ms, sold: bar.sold + Math.max(0, change), cancelled: bar.cancelled + Math.max(0, -change) }] };
}

/**
 * @param {number} time_ms
 * @param {number} width_ms
 */
function startOf(time_ms, width_ms) {
    return Math.floor(time_ms / width_ms) * width_ms;
}
