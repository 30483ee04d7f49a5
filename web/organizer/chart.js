// How the sale goes: sold, and held on top of it, over time, and below on the same axis how much was sold in each ten
// seconds.
import { count } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { STEP_MS, soldBySteps } from "./history.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./history.js").Sample} Sample */
/** @typedef {(time: number) => number} Place */

const WIDTH = 720;
const HEIGHT = 220;
const RATE_HEIGHT = 72;
const SPAN_MS_MIN = 60_000;
const SPAN_MS_MAX = 600_000;
const GAP = 1.5;

/**
 * @param {{samples: readonly Sample[], capacity: number, now: number}} given
 * @returns {Child}
 */
export function Chart({ samples, capacity, now }) {
    const oldest = samples[0];
    const newest = samples.at(-1);
    const span = Math.min(SPAN_MS_MAX, Math.max(SPAN_MS_MIN, oldest ? now - oldest.time_ms : 0));
    const minutes = Math.round(span / 60_000);
    /** @type {Place} */
    const x = (time) => Math.max(0, WIDTH - ((now - time) / span) * WIDTH);
    return html`
        <figure class="chart">
            <figcaption class="chart-title">${t("selling.course")}</figcaption>
            <${Course} samples=${newest ? [...samples, { ...newest, time_ms: now }] : []} capacity=${capacity} x=${x} minutes=${minutes} />
            <div class="chart-title">${t("selling.by_steps")}</div>
            <${Steps} steps=${soldBySteps(samples, now)} x=${x} minutes=${minutes} />
            <div class="chart-axis">
                <span>${t("selling.minutes_ago", { count: minutes })}</span>
                <span>${t("selling.now")}</span>
            </div>
        </figure>
    `;
}

/**
 * @param {{samples: readonly Sample[], capacity: number, x: Place, minutes: number}} given
 * @returns {Child}
 */
function Course({ samples, capacity, x, minutes }) {
    const newest = samples.at(-1);
    const high = ceiling(Math.max(0, ...samples.map((one) => one.sold + one.held)), Math.max(1, capacity));
    const y = (/** @type {number} */ value) => HEIGHT - (value / high) * HEIGHT;
    return html`<div class="chart-plot">
        <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
            aria-label=${t("selling.chart", { minutes, sold: newest?.sold ?? 0, held: newest?.held ?? 0 })}>
            <path class="chart-held" d=${area(samples, x, y, (one) => one.sold + one.held)} />
            <path class="chart-sold" d=${area(samples, x, y, (one) => one.sold)} />
        </svg>
        <span class="chart-scale">${count(high)}</span>
        ${newest && newest.sold + newest.held === 0 && html`<p class="chart-empty">${t("selling.nothing_yet")}</p>`}
    </div>`;
}

/**
 * @param {{steps: {from_ms: number, sold: number}[], x: Place, minutes: number}} given
 * @returns {Child}
 */
function Steps({ steps, x, minutes }) {
    const most = Math.max(0, ...steps.map((one) => one.sold));
    const high = ceiling(most, Number.MAX_SAFE_INTEGER);
    const bars = steps
        .filter((one) => one.sold > 0)
        .map((one) => {
            const [left, right] = [x(one.from_ms), Math.min(WIDTH, x(one.from_ms + STEP_MS)) - GAP];
            return `M${left.toFixed(1)} ${RATE_HEIGHT}V${(RATE_HEIGHT - (one.sold / high) * RATE_HEIGHT).toFixed(1)}H${Math.max(left + 1, right).toFixed(1)}V${RATE_HEIGHT}Z`;
        });
    return html`<div class="chart-plot chart-steps">
        <svg viewBox="0 0 ${WIDTH} ${RATE_HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${t("selling.steps", { minutes, most })}>
            <path class="chart-sold" d=${bars.join("")} />
        </svg>
        ${most > 0 && html`<span class="chart-scale">${count(high)}</span>`}
    </div>`;
}

/**
 * Return steps: a count stays what it was until it changes.
 *
 * @param {readonly Sample[]} samples
 * @param {Place} x
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
    return path && `${path}V${HEIGHT}Z`;
}

/**
 * Return the top of the scale: a round number above the highest value, at most `most` unless the value is above.
 *
 * @param {number} value
 * @param {number} most
 */
function ceiling(value, most) {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
    const round = [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 1.1);
    return Math.max(1, Math.min(round ?? value, Math.max(most, value)));
}
