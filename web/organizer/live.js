// The sale of an event as it happens, for those who may watch it, and what can be done to it meanwhile.
import { get, post, read } from "../shared/api.js";
import { ServerClock } from "../shared/clock.js";
import { Connection } from "../shared/connection.js";
import { html, signal, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge } from "../shared/parts.js";
import { tickingTime } from "../shared/ticking.js";
import { toast, undoToast } from "../shared/toasts.js";
import { ActionButton } from "../shared/forms.js";
import { showOrganisation } from "./frame.js";
import { advanced, begun, extended, isOutgrown, pastOf, sampleOf } from "./history.js";
import { tell } from "../shared/list.js";
import { PlacesDialog } from "./places-dialog.js";
import { SaleBoard } from "./sale-board.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {import("../shared/connection.js").SalesState} SalesState */
/** @typedef {{event: string, title: string, slug: string, tickets: import("./sale-board.js").Names}} EventDocument */

/** @type {Record<string, import("../shared/parts.js").Tone>} */
const TONES = { open: "good", paused: "warn", cancelled: "danger" };

const sales = signal(/** @type {SalesState | null} */ (null));
const samples = signal(/** @type {import("./history.js").Sample[]} */ ([]));
const past = signal(/** @type {import("./history.js").Past | null} */ (null));
const isPastMissing = signal(false);
const problem = signal("");
const isOnline = signal(true);
const clock = new ServerClock();
const { time } = tickingTime(clock);

const LOOKED_EVERY_MS = 60_000;
let lookedAt = -Infinity;
let looks = 0;
let isPastKnown = false;

/**
 * @param {SalesState} state
 * @param {string} path where the server says how the sale went
 */
function take(state, path) {
    const sample = sampleOf(state);
    const isAnew = state.type === "watching_sales";
    sales.value = state;
    problem.value = "";
    // What happened while nobody looked is not in the samples: it comes with what is read now.
    samples.value = isAnew ? [sample] : extended(samples.peek(), sample);
    past.value = advanced(past.peek() ?? begun(sample), sample);
    if (isAnew || (isOutgrown(past.value, sample.time_ms) && sample.time_ms > lookedAt + LOOKED_EVERY_MS)) {
        lookedAt = sample.time_ms;
        void lookBack(path);
    }
}

/** @param {string} path */
async function lookBack(path) {
    const own = ++looks;
    try {
        const counted = pastOf(await get(path));
        if (own === looks) {
            const newest = samples.peek().at(-1);
            past.value = newest ? advanced(counted, newest) : counted;
            isPastKnown = true;
            isPastMissing.value = false;
        }
    } catch {
        // The sale goes on, and what was known of it stays.
        isPastMissing.value = !isPastKnown;
    }
}

/**
 * @param {{place: Place, event: EventDocument}} given
 * @returns {Child}
 */
function Live({ place, event }) {
    const [pool, setPool] = useState(/** @type {string | null} */ (null));
    const state = sales.value;
    const mayControl = place.may("sale.control", event.event);
    const path = `${place.api}/events/${event.event}`;
    const step = async (/** @type {"pause" | "resume"} */ name, isUndo = false) => {
        await post(`${path}/${name}`);
        if (isUndo) {
            toast(t(`organizer.did.${name}`));
        } else {
            undoToast(t(`organizer.did.${name}`), () => step(name === "pause" ? "resume" : "pause", true).catch(tell));
        }
    };
    const chosen = state?.pools.find((one) => one.pool === pool);
    return html`
        <p class="back"><a href=${`${place.base}/events/${event.event}`}>${event.title}</a></p>
        <header class="page-head">
            <div class="editor-title">
                <h1>${t("selling.title")}</h1>
                ${state && html`<${Badge} tone=${TONES[state.status] ?? "calm"}>${t(`selling.status.${state.status}`)}<//>`}
            </div>
            <div class="form-actions">
                <a class="button button-quiet" href=${`/e/${event.slug}`}>${t("organizer.see_page")}</a>
                ${mayControl && state?.status === "open" && html`<${ActionButton} key="pause" onPress=${() => step("pause")} onProblem=${tell}>${t("organizer.step.pause")}<//>`}
                ${mayControl && state?.status === "paused" && html`<${ActionButton} key="resume" kind="button-main" onPress=${() => step("resume")} onProblem=${tell}>${t("organizer.step.resume")}<//>`}
            </div>
        </header>
        <p class="sales-online" role="status">${isOnline.value ? "" : t("selling.offline")}</p>
        ${problem.value && html`<div class="notice" role="alert"><p>${problem.value}</p></div>`}
        <${SaleBoard} state=${state} samples=${samples.value} past=${past.value} now=${time.value} names=${event.tickets} onPool=${mayControl ? setPool : null} />
        ${isPastMissing.value && html`<p class="quiet" role="status">${t("selling.no_past")}</p>`}
        ${chosen && html`<${PlacesDialog} path=${path} pool=${chosen} name=${event.tickets.pools.find((one) => one.pool === pool)?.name ?? ""} onClose=${() => setPool(null)} />`}
    `;
}

/**
 * @param {string} event
 * @param {string} path where the server says how the sale went
 */
function follow(event, path) {
    const connection = new Connection(clock, {
        onState: (state) => (isOnline.value = state === "online" || state === "connecting"),
        onWelcome: () => {},
        onPush: () => {},
    });
    connection.followSales(
        event,
        (state) => take(state, path),
        (refused) => {
            problem.value = t(refused.code === "forbidden" ? "shared.problem.forbidden" : "selling.not_yet");
        },
    );
    connection.start();
}

void showOrganisation("events", async (place) => {
    const id = /\/events\/(event_[0-9a-z]{26})/.exec(location.pathname)?.[1] ?? "";
    const event = /** @type {EventDocument} */ ((await read(`${place.api}/events/${id}`)).value);
    document.title = `${event.title} · Bilten`;
    follow(event.event, `${place.api}/events/${event.event}/sales`);
    return html`<${Live} place=${place} event=${event} />`;
});
