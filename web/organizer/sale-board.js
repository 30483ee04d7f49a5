// The figures of a sale, their course, and where the places of each pool are.
import { count } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { locale, t } from "../shared/i18n.js";
import { Chart } from "./chart.js";
import { soldPerSecond, total } from "./history.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/connection.js").SalesState} SalesState */
/** @typedef {import("./history.js").Counts} Counts */

const KINDS = /** @type {const} */ (["sold", "held", "free", "withheld"]);
const slow = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** @type {Counts} */
const NOTHING = { capacity: 0, free: 0, held: 0, sold: 0, withheld: 0 };

/** What the chart says. */
const WORDS = {
    label: (/** @type {number} */ minutes, /** @type {number} */ sold, /** @type {number} */ held) => t("selling.chart", { minutes, sold, held }),
    ago: (/** @type {number} */ minutes) => t("selling.minutes_ago", { count: minutes }),
    top: (/** @type {number} */ tickets) => t("selling.top_line", { count: tickets }),
    now: () => t("selling.now"),
};

/**
 * @param {{state: SalesState | null, samples: readonly import("./history.js").Sample[], now: number, nameOf: (pool: string) => string, onPool: ((pool: string) => void) | null}} given
 * @returns {Child}
 */
export function SaleBoard({ state, samples, now, nameOf, onPool }) {
    const sum = state ? total(state.pools) : NOTHING;
    const rate = soldPerSecond(samples, now);
    return html`<div class="sales" aria-busy=${state === null}>
        <dl class="figures">
            ${KINDS.map((kind) => html`<${Figure} key=${kind} name=${t(`selling.${kind}`)} value=${state ? count(sum[kind]) : "–"} kind=${kind} />`)}
            <${Figure} name=${t("selling.rate")} value=${state ? (rate < 100 ? slow.format(rate) : count(Math.round(rate))) : "–"} kind="rate" />
        </dl>
        <${Chart} samples=${samples} capacity=${sum.capacity} now=${Math.max(now, samples.at(-1)?.time_ms ?? 0)} words=${WORDS} />
        ${state && html`<${Pools} state=${state} nameOf=${nameOf} onPool=${onPool} />`}
    </div>`;
}

/**
 * @param {{name: string, value: string, kind: string}} given
 * @returns {Child}
 */
function Figure({ name, value, kind }) {
    return html`<div class="figure" data-kind=${kind}>
        <dt>${name}</dt>
        <dd>${value}</dd>
    </div>`;
}

/**
 * @param {{state: SalesState, nameOf: (pool: string) => string, onPool: ((pool: string) => void) | null}} given
 * @returns {Child}
 */
function Pools({ state, nameOf, onPool }) {
    const rows = state.pools.map((pool, at) => ({ ...pool, name: nameOf(pool.pool) || t("selling.pool_number", { number: at + 1 }) }));
    const sums = { ...total(state.pools), name: t("selling.total"), pool: "" };
    return html`<div class="pools-scroll" tabindex="0" role="region" aria-label=${t("organizer.tickets.pools")}>
        <table class="pools">
            <thead>
                <tr>
                    <th scope="col">${t("selling.pool")}</th>
                    ${KINDS.map((kind) => html`<th scope="col">${t(`selling.${kind}`)}</th>`)}
                    <th scope="col">${t("selling.capacity")}</th>
                </tr>
            </thead>
            <tbody>
                ${[...rows, ...(rows.length > 1 ? [sums] : [])].map(
                    (row) => html`<tr key=${row.pool}>
                        <th scope="row">
                            ${onPool && row.pool
                                ? html`<button type="button" class="button button-plain pool-button" aria-label=${t("selling.change_pool", { name: row.name })} onClick=${() => onPool(row.pool)}><bdi>${row.name}</bdi></button>`
                                : html`<bdi>${row.name}</bdi>`}
                            <${Bar} row=${row} />
                        </th>
                        ${KINDS.map((kind) => html`<td>${count(row[kind])}</td>`)}
                        <td>${count(row.capacity)}</td>
                    </tr>`,
                )}
            </tbody>
        </table>
    </div>`;
}

/**
 * @param {{row: Counts}} given
 * @returns {Child}
 */
function Bar({ row }) {
    const share = (/** @type {number} */ value) => ({ width: `${row.capacity > 0 ? (value / row.capacity) * 100 : 0}%` });
    return html`<span class="pool-bar" aria-hidden="true">
        <span data-kind="sold" style=${share(row.sold)}></span>
        <span data-kind="held" style=${share(row.held)}></span>
        <span data-kind="withheld" style=${share(row.withheld)}></span>
    </span>`;
}
