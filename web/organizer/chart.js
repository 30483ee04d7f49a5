// How the sale goes: sold, and held on top of it, over time, and below on the same axis how much was sold in each span;
// the whole sale, or the last minutes of it.
import { count, moment } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Tabs } from "../shared/parts.js";
import { every, ticks } from "./axis.js";
import { RECENT_MS, courseOf } from "./history.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./axis.js").Tick} Tick */
/** @typedef {import("./history.js").Past} Past */
/** @typedef {import("./history.js").Sample} Sample */
/** @typedef {import("./history.js").Spans} Spans */
/** @typedef {(time: number) => number} Place */
/** @typedef {"whole" | "recent"} View */

const WIDTH = 720;
const HEIGHT = 220;
const RATE_HEIGHT = 72;
const SPAN_MS_MIN = 60_000;
const GAP = 1.5;
/** @type {View[]} */
const VIEWS = ["whole", "recent"];

/**
 * @param {{past: Past, samples: readonly Sample[], capacity: number, now: number, view: View, onView: (view: View) => void}} given
 * @returns {Child}
 */
export function Chart({ past, samples, capacity, now, view, onView }) {
    const spans = past[view];
    const start = Math.min(past.whole.from_ms, now - SPAN_MS_MIN);
    const from = view === "whole" ? start : Math.max(start, now - RECENT_MS);
    const course = courseOf(past, spans, samples);
    const newest = course.at(-1);
    const marks = ticks(from, now);
    /** @type {Place} */
    const x = (time) => Math.max(0, WIDTH - ((now - time) / (now - from)) * WIDTH);
    return html`
        <div class="chart">
            <${Tabs} label=${t("selling.course")} tabs=${VIEWS.map((id) => ({ id, label: t(`selling.view.${id}`) }))} chosen=${view} onChoose=${onView} />
            <div role="tabpanel" id=${`panel-${view}`} aria-labelledby=${`tab-${view}`}>
                <div class="chart-title">${t("selling.course")}</div>
                <${Course} course=${newest ? [...course, { ...newest, time_ms: now }] : []} capacity=${capacity} x=${x} marks=${marks} from=${from} />
                <div class="chart-title">${t("selling.by_steps", { every: every(spans.width_ms) })}</div>
                <${Steps} spans=${spans} x=${x} marks=${marks} from=${from} />
                <div class="chart-axis" aria-hidden="true">
                    ${marks.map(({ at, label }) => html`<span key=${label} style=${{ left: `${at * 100}%`, transform: `translateX(${-at * 100}%)` }}>${label}</span>`)}
                    <span class="chart-now">${t("selling.now")}</span>
                </div>
            </div>
        </div>
    `;
}

/**
 * @param {{course: Sample[], capacity: number, x: Place, marks: Tick[], from: number}} given
 * @returns {Child}
 */
function Course({ course, capacity, x, marks, from }) {
    const newest = course.at(-1);
    const shown = course.filter((one, at) => one.time_ms >= from || (course[at + 1]?.time_ms ?? 0) >= from);
    const high = ceiling(Math.max(0, ...shown.map((one) => one.sold + one.held)), Math.max(1, capacity));
    const y = (/** @type {number} */ value) => HEIGHT - (value / high) * HEIGHT;
    return html`<div class="chart-plot">
        <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
            aria-label=${t("selling.chart", { since: moment(from), sold: newest?.sold ?? 0, held: newest?.held ?? 0 })}>
            <${Grid} marks=${marks} height=${HEIGHT} />
            <path class="chart-held" d=${area(shown, x, y, (one) => one.sold + one.held)} />
            <path class="chart-sold" d=${area(shown, x, y, (one) => one.sold)} />
        </svg>
        <span class="chart-scale">${count(high)}</span>
        ${newest && newest.sold + newest.held === 0 && html`<p class="chart-empty">${t("selling.nothing_yet")}</p>`}
    </div>`;
}

/**
 * @param {{spans: Spans, x: Place, marks: Tick[], from: number}} given
 * @returns {Child}
 */
function Steps({ spans, x, marks, from }) {
    const shown = spans.bars.filter((one) => one.sold > 0 && one.from_ms + spans.width_ms > from);
    const most = shown.reduce((/** @type {import("./history.js").Bar | null} */ best, one) => (best && best.sold >= one.sold ? best : one), null);
    const high = ceiling(most?.sold ?? 0, Number.MAX_SAFE_INTEGER);
    const bars = shown.map((one) => {
        const [left, right] = [x(one.from_ms), Math.min(WIDTH, x(one.from_ms + spans.width_ms)) - GAP];
        return `M${left.toFixed(1)} ${RATE_HEIGHT}V${(RATE_HEIGHT - (one.sold / high) * RATE_HEIGHT).toFixed(1)}H${Math.max(left + 1, right).toFixed(1)}V${RATE_HEIGHT}Z`;
    });
    const said = { every: every(spans.width_ms), since: moment(from) };
    const label = most ? t("selling.steps", { ...said, most: most.sold, when: moment(Math.max(from, most.from_ms)) }) : t("selling.steps_none", said);
    return html`<div class="chart-plot chart-steps">
        <svg viewBox="0 0 ${WIDTH} ${RATE_HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
            <${Grid} marks=${marks} height=${RATE_HEIGHT} />
            <path class="chart-sold" d=${bars.join("")} />
        </svg>
        ${most && html`<span class="chart-scale">${count(high)}</span>`}
    </div>`;
}

/**
 * @param {{marks: Tick[], height: number}} given
 * @returns {Child}
 */
function Grid({ marks, height }) {
    return html`<path class="chart-grid" d=${marks.map(({ at }) => `M${(at * WIDTH).toFixed(1)} 0V${height}`).join("")} />`;
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
