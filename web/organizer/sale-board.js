// The figures of a sale, their course, and where the places of each pool and the tickets of each type are.
import { count, share } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Chart } from "./chart.js";
import { begun, courseOf, sampleOf, soldBetween, total } from "./history.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/connection.js").SalesState} SalesState */
/** @typedef {import("./history.js").Past} Past */
/** @typedef {import("./history.js").Sample} Sample */
/** @typedef {"sold" | "held" | "free" | "withheld" | "capacity"} Column */
/** @typedef {{sold: number, held: number, free: number, withheld?: number, capacity?: number}} Amounts */
/** @typedef {Amounts & {id: string, name: string, whole: number, hint: string}} Row */
/** @typedef {{pools: {pool: string, name: string}[], ticket_types: {ticket_type: string, name: string, pools: number[]}[]}} Names */

const MINUTE_MS = 60_000;
/** @type {Column[]} */
const OF_POOLS = ["sold", "held", "free", "withheld", "capacity"];
/** @type {Column[]} */
const OF_TYPES = ["sold", "held", "free"];

/**
 * @param {{state: SalesState | null, samples: readonly Sample[], past: Past | null, now: number, names: Names, onPool: ((pool: string) => void) | null}} given
 * @returns {Child}
 */
export function SaleBoard({ state, samples, past, now, names, onPool }) {
    const [view, setView] = useState(/** @type {import("./chart.js").View} */ ("whole"));
    const places = total(state?.pools ?? []);
    const tickets = state ? sampleOf(state) : null;
    // The server's clock may be a little behind the newest sample.
    const time = Math.max(now, samples.at(-1)?.time_ms ?? 0);
    const known = past ?? begun({ time_ms: time, sold: 0, held: 0 });
    const figures = [
        { kind: "sold", value: tickets?.sold },
        { kind: "held", value: tickets?.held },
        { kind: "free", value: places.free },
        { kind: "withheld", value: places.withheld },
        { kind: "rate", value: soldBetween(courseOf(known, known.recent, samples), time - MINUTE_MS, time) },
    ];
    return html`<div class="sales" aria-busy=${state === null}>
        <dl class="figures">
            ${figures.map(
                ({ kind, value }) => html`<div class="figure" data-kind=${kind}>
                    <dt>${t(`selling.${kind}`)}</dt>
                    <dd>${state ? count(value ?? 0) : "–"}</dd>
                </div>`,
            )}
        </dl>
        <${Chart} past=${known} samples=${samples} capacity=${places.capacity} now=${time} view=${view} onView=${setView} />
        ${state && html`<${Pools} state=${state} names=${names} onPool=${onPool} /><${Types} state=${state} names=${names} />`}
    </div>`;
}

/**
 * How full each pool is.
 *
 * @param {{state: SalesState, names: Names, onPool: ((pool: string) => void) | null}} given
 * @returns {Child}
 */
function Pools({ state, names, onPool }) {
    const known = new Map(names.pools.map((one) => [one.pool, one.name]));
    const row = (/** @type {import("./history.js").Counts} */ counts, /** @type {string} */ id, /** @type {string} */ name) => ({
        ...counts,
        id,
        name,
        whole: counts.capacity,
        hint: t("selling.share_sold", { share: share(counts.sold, counts.capacity) }),
    });
    const rows = state.pools.map((pool, at) => row(pool, pool.pool, known.get(pool.pool) || t("selling.pool_number", { number: at + 1 })));
    // Where a ticket takes a place of several pools, a sum over them would be of nothing that anybody sells.
    const isSeveral = names.ticket_types.some((one) => one.pools.length > 1);
    if (rows.length > 1 && !isSeveral) {
        rows.push(row(total(state.pools), "", t("selling.total")));
    }
    return html`<${Places} title=${t("organizer.tickets.pools")} first=${t("selling.pool")} rows=${rows} columns=${OF_POOLS} onRow=${onPool} note=${isSeveral ? t("selling.pools_several") : ""} />`;
}

/**
 * What sells best: all types on one scale.
 *
 * @param {{state: SalesState, names: Names}} given
 * @returns {Child}
 */
function Types({ state, names }) {
    const known = new Map(names.ticket_types.map((one) => [one.ticket_type, one.name]));
    const most = Math.max(1, ...state.ticket_types.map((one) => one.sold + one.held + one.free));
    const rows = state.ticket_types.map((kind, at) => ({
        ...kind,
        id: kind.ticket_type,
        name: known.get(kind.ticket_type) || t("selling.type_number", { number: at + 1 }),
        whole: most,
        hint: "",
    }));
    const drawn = names.ticket_types.flatMap((one) => one.pools);
    const isShared = new Set(drawn).size < drawn.length;
    return html`<${Places} title=${t("selling.types")} first=${t("selling.type")} rows=${rows} columns=${OF_TYPES} note=${isShared ? t("selling.types_share") : ""} />`;
}

/**
 * A table that is one of cards where there is little room; its roles are said, because styles that make it so take
 * them away.
 *
 * @param {{title: string, first: string, rows: Row[], columns: Column[], note?: string, onRow?: ((id: string) => void) | null}} given
 * @returns {Child}
 */
function Places({ title, first, rows, columns, note = "", onRow = null }) {
    return html`<section class="places" aria-label=${title}>
        <h2>${title}</h2>
        <table role="table" aria-label=${title}>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">${first}</th>
                    ${columns.map((column) => html`<th role="columnheader" scope="col" data-kind=${column}>${t(`selling.${column}`)}</th>`)}
                </tr>
            </thead>
            <tbody role="rowgroup">
                ${rows.map(
                    (row) => html`<tr key=${row.id} role="row" data-total=${row.id ? undefined : ""}>
                        <th role="rowheader" scope="row">
                            <span class="places-name">
                                ${onRow && row.id
                                    ? html`<button type="button" class="button button-plain" aria-label=${t("selling.change_pool", { name: row.name })} onClick=${() => onRow(row.id)}><bdi>${row.name}</bdi></button>`
                                    : html`<bdi>${row.name}</bdi>`}
                                <span class="quiet">${row.hint}</span>
                            </span>
                            <${Bar} row=${row} />
                        </th>
                        ${columns.map((column) => html`<td role="cell" data-kind=${column} data-label=${t(`selling.${column}`)}>${count(row[column] ?? 0)}</td>`)}
                    </tr>`,
                )}
            </tbody>
        </table>
        ${note && html`<p class="quiet">${note}</p>`}
    </section>`;
}

/**
 * @param {{row: Row}} given
 * @returns {Child}
 */
function Bar({ row }) {
    const width = (/** @type {number | undefined} */ value) => ({ width: `${row.whole > 0 ? ((value ?? 0) / row.whole) * 100 : 0}%` });
    return html`<span class="places-bar" aria-hidden="true">
        <span data-kind="sold" style=${width(row.sold)}></span>
        <span data-kind="held" style=${width(row.held)}></span>
        <span data-kind="free" style=${width(row.free)}></span>
        <span data-kind="withheld" style=${width(row.withheld)}></span>
    </span>`;
}
