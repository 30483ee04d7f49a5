// What the sale was a moment ago: one sample a second, for the rate and the chart.

/** @typedef {import("../shared/wire").PoolSales} PoolSales */
/** @typedef {{time_ms: number, sold: number, held: number}} Sample */
/** @typedef {{capacity: number, free: number, held: number, sold: number, withheld: number}} Counts */

const SECONDS_MAX = 600;
const RATE_WINDOW_MS = 10_000;

/**
 * @param {PoolSales[]} pools
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
 * Return how many tickets a second were sold over the last ten seconds.
 *
 * @param {readonly Sample[]} samples
 * @param {number} now_ms
 */
export function soldPerSecond(samples, now_ms) {
    const newest = samples.at(-1);
    if (!newest) {
        return 0;
    }
    const before = samples.findLast((one) => one.time_ms <= now_ms - RATE_WINDOW_MS) ?? samples[0];
    const seconds = before ? Math.max(1, (now_ms - Math.max(before.time_ms, now_ms - RATE_WINDOW_MS)) / 1000) : 1;
    return before ? Math.max(0, newest.sold - before.sold) / seconds : 0;
}
