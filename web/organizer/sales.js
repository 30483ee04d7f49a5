// The sale as its organizer sees it, live. Opened as /organizer/events/SLUG by somebody who is signed in and may watch sales, or
// as /organizer/events/SLUG#key=KEY or sales.html#event=SLUG&key=KEY: what stands behind # never reaches a server's log. Without
// either the page asks for the key.
import { ServerClock } from "../shared/clock.js";
import { Connection } from "../shared/connection.js";
import { count } from "../shared/formats.js";
import { html, render, signal } from "../shared/html.js";
import { tickingTime } from "../shared/ticking.js";
import { Chart } from "./chart.js";
import { extended, soldPerSecond, total } from "./history.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/connection.js").SalesState} SalesState */
/** @typedef {{event: string, title: string, organisation: string}} EventNames */
/** @typedef {{pool: string, name: string}} PoolName */

const sales = signal(/** @type {SalesState | null} */ (null));
const samples = signal(/** @type {import("./history.js").Sample[]} */ ([]));
const names = signal(/** @type {EventNames | null} */ (null));
const pools = signal(/** @type {PoolName[]} */ ([]));
const problem = signal("");
const isOnline = signal(false);
const isKeyWanted = signal(false);
const clock = new ServerClock();
const { time } = tickingTime(clock);

const WORDS = {
    label: (/** @type {number} */ minutes, /** @type {number} */ sold, /** @type {number} */ held) =>
        `Sold and held over the last ${minutes} minutes: now ${count(sold)} sold, ${count(held)} held`,
    ago: (/** @type {number} */ minutes) => `${minutes} min ago`,
    top: (/** @type {number} */ tickets) => `top line ${count(tickets)} tickets`,
    now: () => "now",
};

/** @type {Record<string, string>} */
const PROBLEMS = {
    forbidden: "This key does not open this event’s sale.",
    unauthenticated: "This key does not open this event’s sale.",
    not_found: "There is no such event.",
};

/** @returns {Child} */
function KeyForm() {
    const submit = (/** @type {SubmitEvent} */ submitted) => {
        submitted.preventDefault();
        const key = new FormData(/** @type {HTMLFormElement} */ (submitted.currentTarget)).get("key");
        const asked = new URLSearchParams(location.hash.slice(1));
        asked.set("key", String(key).trim());
        location.hash = asked.toString();
    };
    return html`
        <section class="problem">
            <h1>Sale, live</h1>
            <form class="key-form" onSubmit=${submit}>
                <label for="key">The organisation’s access key</label>
                <input id="key" name="key" type="password" autocomplete="off" required />
                <button type="submit" class="button button-main">Watch the sale</button>
            </form>
        </section>
    `;
}

/** @returns {Child} */
function Page() {
    if (isKeyWanted.value) {
        return html`<${KeyForm} />`;
    }
    if (problem.value) {
        return html`<section class="problem"><h1>Nothing to show</h1><p>${problem.value}</p></section>`;
    }
    const state = sales.value;
    if (!state) {
        return html`<section class="problem"><h1>Sale, live</h1><p>Connecting…</p></section>`;
    }
    const sum = total(state.pools);
    const rate = soldPerSecond(samples.value, time.value);
    return html`
        <div class="sales">
            <header class="sales-head">
                <h1>${names.value?.title ?? "Sale, live"}</h1>
                <p class="sales-status" data-tone=${state.status === "open" ? "good" : "calm"}>${state.status}</p>
                <p class="sales-online" role="status">${isOnline.value ? "" : "Connection lost. Reconnecting…"}</p>
            </header>
            <dl class="figures">
                <${Figure} name="Sold" value=${count(sum.sold)} kind="sold" />
                <${Figure} name="Held" value=${count(sum.held)} kind="held" />
                <${Figure} name="Free" value=${count(sum.free)} kind="free" />
                <${Figure} name="Withheld" value=${count(sum.withheld)} kind="withheld" />
                <${Figure} name="Sold a second" value=${rate < 100 ? rate.toFixed(1) : count(Math.round(rate))} kind="rate" />
            </dl>
            <${Chart} samples=${samples.value} capacity=${sum.capacity} now=${Math.max(time.value, samples.value.at(-1)?.time_ms ?? 0)} words=${WORDS} />
            <${Pools} state=${state} />
        </div>
    `;
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
 * @param {{state: SalesState}} given
 * @returns {Child}
 */
function Pools({ state }) {
    const rows = [
        ...state.pools.map((pool, at) => ({
            ...pool,
            name: pools.value.find((one) => one.pool === pool.pool)?.name ?? `Pool ${at + 1}`,
        })),
        { ...total(state.pools), name: "Total" },
    ];
    return html`
        <div class="pools-scroll" tabindex="0" role="region" aria-label="Pools">
            <table class="pools">
                <thead>
                    <tr>
                        <th scope="col">Pool</th>
                        <th scope="col">Sold</th>
                        <th scope="col">Held</th>
                        <th scope="col">Free</th>
                        <th scope="col">Withheld</th>
                        <th scope="col">Capacity</th>
                    </tr>
                </thead>
                <tbody>
                    ${rows.map(
                        (row) => html`
                            <tr>
                                <th scope="row">${row.name}<${Bar} row=${row} /></th>
                                <td>${count(row.sold)}</td>
                                <td>${count(row.held)}</td>
                                <td>${count(row.free)}</td>
                                <td>${count(row.withheld)}</td>
                                <td>${count(row.capacity)}</td>
                            </tr>
                        `,
                    )}
                </tbody>
            </table>
        </div>
    `;
}

/**
 * @param {{row: import("./history.js").Counts}} given
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

/** @param {SalesState} state */
function take(state) {
    const sum = total(state.pools);
    sales.value = state;
    samples.value = extended(samples.peek(), { time_ms: state.time_ms, sold: sum.sold, held: sum.held });
}

/**
 * The pools' names are the organizer's own: whoever is signed in is shown them, and who came with a key sees numbers.
 * @param {EventNames} event
 */
async function loadPools(event) {
    const me = await fetch("/api/v1/me").catch(() => null);
    if (!me?.ok) {
        return;
    }
    /** @type {{memberships: {organisation: {id: string, slug: string}}[]}} */
    const { memberships } = await me.json();
    const own = memberships.find((one) => one.organisation.slug === event.organisation);
    if (!own) {
        return;
    }
    const tickets = await fetch(`/api/v1/organisations/${own.organisation.id}/events/${event.event}/ticket-types`).catch(() => null);
    if (tickets?.ok) {
        /** @type {{pools: PoolName[]}} */
        const found = await tickets.json();
        pools.value = found.pools;
    }
}

async function start() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const slug = asked.get("event") ?? /^\/organizer\/events\/([^/]+)/.exec(location.pathname)?.[1];
    const key = asked.get("key") ?? "";
    if (!slug) {
        problem.value = "The address of this page ends with the event, or with #event=… and &key=…, the organisation’s access key.";
        return;
    }
    if (!key && !(await fetch("/api/v1/me").catch(() => null))?.ok) {
        isKeyWanted.value = true;
        return;
    }
    const answer = await fetch(`/api/v1/events/${encodeURIComponent(slug)}`).catch(() => null);
    if (!answer?.ok) {
        problem.value = answer?.status === 404 ? String(PROBLEMS["not_found"]) : "The server does not answer. Load the page again.";
        return;
    }
    /** @type {EventNames} */
    const found = await answer.json();
    names.value = found;
    document.title = `${found.title} · sale, live`;
    void loadPools(found);
    const connection = new Connection(clock, {
        onState: (state) => (isOnline.value = state === "online"),
        onWelcome: () => {},
        onPush: () => {},
    });
    connection.followSales(found.event, key, take, (refused) => {
        const text = PROBLEMS[refused.code];
        if (refused.code === "forbidden" && !key) {
            isKeyWanted.value = true;
        } else if (text) {
            problem.value = text;
        }
    });
    connection.start();
}

addEventListener("hashchange", () => location.reload());
const app = document.getElementById("app");
if (app) {
    render(html`<${Page} />`, app);
}
void start();
