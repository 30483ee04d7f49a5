// The sale of an event as it happens, for those who may watch it, and what can be done to it meanwhile.
import { post, read } from "../shared/api.js";
import { ServerClock } from "../shared/clock.js";
import { Connection } from "../shared/connection.js";
import { html, signal, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge } from "../shared/parts.js";
import { tickingTime } from "../shared/ticking.js";
import { toast, undoToast } from "../shared/toasts.js";
import { ActionButton } from "../shared/forms.js";
import { showOrganisation } from "./frame.js";
import { extended, sampleOf } from "./history.js";
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
const problem = signal("");
const isOnline = signal(true);
const clock = new ServerClock();
const { time } = tickingTime(clock);

/** @param {SalesState} state */
function take(state) {
    sales.value = state;
    problem.value = "";
    samples.value = extended(samples.peek(), sampleOf(state));
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
        <${SaleBoard} state=${state} samples=${samples.value} now=${time.value} names=${event.tickets} onPool=${mayControl ? setPool : null} />
        ${chosen && html`<${PlacesDialog} path=${path} pool=${chosen} name=${event.tickets.pools.find((one) => one.pool === pool)?.name ?? ""} onClose=${() => setPool(null)} />`}
    `;
}

/** @param {string} event */
function follow(event) {
    const connection = new Connection(clock, {
        onState: (state) => (isOnline.value = state === "online" || state === "connecting"),
        onWelcome: () => {},
        onPush: () => {},
    });
    connection.followSales(event, take, (refused) => {
        problem.value = t(refused.code === "forbidden" ? "shared.problem.forbidden" : "selling.not_yet");
    });
    connection.start();
}

void showOrganisation("events", async (place) => {
    const id = /\/events\/(event_[0-9a-z]{26})/.exec(location.pathname)?.[1] ?? "";
    const event = /** @type {EventDocument} */ ((await read(`${place.api}/events/${id}`)).value);
    document.title = `${event.title} · Bilten`;
    follow(event.event);
    return html`<${Live} place=${place} event=${event} />`;
});
