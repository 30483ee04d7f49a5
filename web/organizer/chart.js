// A small chart of the sale: sold, and held on top of it, over time, against the capacity.
import { html } from "../shared/html.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./history.js").Sample} Sample */

const WIDTH = 720;
const HEIGHT = 220;
const SPAN_MS_MIN = 60_000;

/**
 * What the chart says.
 *
 * @typedef {object} Words
 * @property {(minutes: number, sold: number, held: number) => string} label
 * @property {(minutes: number) => string} ago
 * @property {(tickets: number) => string} top
 * @property {() => string} now
 */

/**
 * @param {{samples: readonly Sample[], capacity: number, now: number, words: Words}} given
 * @returns {Child}
 */
export function Chart({ samples, capacity, now, words }) {
    const oldest = samples[0];
    const newest = samples.at(-1);
    if (!oldest || !newest) {
        return html`<div class="chart"></div>`;
    }
    const span = Math.max(SPAN_MS_MIN, now - oldest.time_ms);
    const high = Math.max(1, ceiling(Math.max(...samples.map((one) => one.sold + one.held)), capacity));
    const x = (/** @type {number} */ time) => Math.max(0, WIDTH - ((now - time) / span) * WIDTH);
    const y = (/** @type {number} */ value) => HEIGHT - (value / high) * HEIGHT;
    const minutes = Math.round(span / 60_000);
    const shown = [...samples, { ...newest, time_ms: now }];
    return html`
        <figure class="chart">
            <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
                aria-label=${words.label(minutes, newest.sold, newest.held)}>
                <path class="chart-held" d=${area(shown, x, y, (one) => one.sold + one.held)} />
                <path class="chart-sold" d=${area(shown, x, y, (one) => one.sold)} />
            </svg>
            <figcaption>
                <span>${words.ago(minutes)}</span>
                <span>${words.top(high)}</span>
                <span>${words.now()}</span>
            </figcaption>
        </figure>
    `;
}

/**
 * Return steps: a count stays what it was until it changes.
 *
 * @param {readonly Sample[]} samples
 * @param {(time: number) => number} x
 * @param {(value: number) => number} y
 * @param {(sample: Sample) => number} value
 */
function area(samples, x, y, value) {
    let path = "";
    for (const sample of samples) {
        const at = x(sample.time_ms).toFixed(1);
        const high = y(value(sample)).toFixed(1);
        path += path ? `H${at}V${high}` : `M${at} ${HEIGHT}V${high}`;
    }
    return `${path}V${HEIGHT}Z`;
}

/**
 * Return the top of the scale: a round number above the highest value, at most the capacity.
 *
 * @param {number} value
 * @param {number} capacity
 */
function ceiling(value, capacity) {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
    const round = [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 1.1);
    return Math.min(round ?? value, Math.max(capacity, value));
}
