// What the sale was a moment ago: one sample a second, for the rate and the chart.

/** @typedef {import("../shared/connection.js").SalesState} SalesState */
/** @typedef {{time_ms: number, sold: number, held: number}} Sample */
/** @typedef {{capacity: number, free: number, held: number, sold: number, withheld: number}} Counts */

const SECONDS_MAX = 600;
export const STEP_MS = 10_000;

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
 * Return how many tickets were sold between two moments, as far as that was watched.
 *
 * @param {readonly Sample[]} samples
 * @param {number} from_ms
 * @param {number} to_ms
 */
export function soldBetween(samples, from_ms, to_ms) {
    const at = (/** @type {number} */ moment) => (samples.findLast((one) => one.time_ms <= moment) ?? samples[0])?.sold ?? 0;
    return Math.max(0, at(to_ms) - at(from_ms));
}

/**
 * Return how many tickets were sold in each step of time, the oldest first. Steps begin at round times, so that no
 * figure changes once its step is over.
 *
 * @param {readonly Sample[]} samples
 * @param {number} now_ms
 * @returns {{from_ms: number, sold: number}[]}
 */
export function soldBySteps(samples, now_ms) {
    const first = samples[0]?.time_ms ?? now_ms;
    const steps = [];
    for (let from_ms = Math.floor(first / STEP_MS) * STEP_MS; from_ms <= now_ms; from_ms += STEP_MS) {
        steps.push({ from_ms, sold: soldBetween(samples, from_ms, from_ms + STEP_MS) });
    }
    return steps;
}
