// A date of a series: what it says, applied to other dates, a few at a time, so that how far it is can be seen.
import { post, problemOf, told } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Checkboxes, Choices } from "../shared/forms.js";
import { longDate } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { has, t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./editor.js").EventDocument} EventDocument */
/** @typedef {{code: string, field: string, reason: string, pool: string, capacity_min: number | null}} DateRefusal */
/** @typedef {{event: string, title: string, starts_at_ms: number, outcome: "changed" | "same" | "skipped" | "refused", refusals: DateRefusal[]}} DateDone */
/** @typedef {{items: DateDone[], done: number, total: number, next: string | null}} SetupApplied */
/** @typedef {{place: import("./frame.js").Place, draft: import("./draft.js").Draft<EventDocument>, tickets: import("./tickets.js").TicketsDocument}} Given */
/** @typedef {{items: DateDone[], done: number, total: number, next: string | null, trouble: string}} Progress */

const PARTS = ["texts", "place", "times", "tickets", "questions"];

/**
 * @param {Given} given
 * @returns {Child}
 */
export function SeriesDate({ place, draft, tickets }) {
    const [isOpen, setOpen] = useState(false);
    const event = draft.value.value;
    if (!event.series || !event.may_edit || !place.may("events.edit")) {
        return null;
    }
    return html`<section class="panel" aria-labelledby="series-heading">
        <h2 id="series-heading">${t("again.setup.title")}</h2>
        <p class="quiet">${t("again.setup.text")}</p>
        <div class="form-actions">
            <button type="button" class="button button-quiet" onClick=${() => setOpen(true)}>${t("again.setup.button")}</button>
        </div>
        ${isOpen && html`<${Applying} place=${place} draft=${draft} tickets=${tickets} onClose=${() => setOpen(false)} />`}
    </section>`;
}

/**
 * @param {Given & {onClose: () => void}} given
 * @returns {Child}
 */
function Applying({ place, draft, tickets, onClose }) {
    const [scope, setScope] = useState("following");
    const [parts, setParts] = useState(PARTS);
    const [progress, setProgress] = useState(/** @type {Progress | null} */ (null));
    const [isBusy, setBusy] = useState(false);
    const go = async () => {
        setBusy(true);
        /** @type {Progress} */
        let so = progress ? { ...progress, trouble: "" } : { items: [], done: 0, total: 0, next: null, trouble: "" };
        try {
            // What is applied is what the server has: it gets what was written a moment ago first.
            if (!(await draft.flush())) {
                throw draft.problem.peek();
            }
            do {
                const body = { event: draft.value.peek().event, version: draft.version, tickets_version: tickets.value.peek().version, scope, parts, after: so.next };
                const { value } = /** @type {import("../shared/api.js").Answer<SetupApplied>} */ (await post(`${place.api}/series/${draft.value.peek().series}/setup`, body));
                so = { ...value, items: [...so.items, ...value.items], trouble: "" };
                setProgress(so);
            } while (so.next !== null);
        } catch (thrown) {
            setProgress({ ...so, trouble: problemOf(thrown).text });
        }
        setBusy(false);
    };
    const isDone = progress !== null && !isBusy && progress.next === null && !progress.trouble;
    return html`<${Dialog} title=${t("again.setup.dialog")} onClose=${onClose}>
        ${progress === null &&
        html`<div class="stack">
            <${Choices} name="scope" id="scope" value=${scope} onValue=${setScope} label=${t("again.setup.scope")} kind="cards" options=${["following", "all"].map((value) => ({ value, label: t(`again.setup.scope.${value}`) }))} />
            <${Checkboxes} id="setup-parts" value=${parts} onValue=${setParts} label=${t("again.setup.parts")} wrong=${parts.length === 0 ? t("again.setup.none") : undefined} options=${PARTS.map((value) => ({ value, label: t(`again.setup.parts.${value}`) }))} />
            <p class="quiet">${t("again.setup.note")}</p>
        </div>`}
        <div class="stack" aria-live="polite">${progress && html`<${Report} progress=${progress} isDone=${isDone} zone=${draft.value.value.time_zone} />`}</div>
        <div class="form-actions setup-actions">
            ${isDone
                ? html`<button type="button" class="button button-main" onClick=${onClose}>${t("shared.close")}</button>`
                : html`<button type="button" class="button button-main" disabled=${isBusy || parts.length === 0} aria-busy=${isBusy} onClick=${go}>${t(progress ? "again.setup.again" : "again.setup.go")}</button>`}
        </div>
    <//>`;
}

/**
 * @param {{progress: Progress, isDone: boolean, zone: string}} given
 * @returns {Child}
 */
function Report({ progress, isDone, zone }) {
    const count = (/** @type {string} */ outcome) => progress.items.filter((one) => one.outcome === outcome).length;
    const refused = progress.items.filter((one) => one.outcome === "refused");
    return html`
        <label class="setup-progress">
            <progress max=${Math.max(progress.total, 1)} value=${progress.total === 0 ? 1 : progress.done}></progress>
            <span>${t("again.setup.progress", { done: progress.done, total: progress.total })}</span>
        </label>
        ${progress.trouble && html`<p class="field-wrong">${progress.trouble}</p>`}
        ${isDone && html`<p>${t("again.setup.done", { count: count("changed") })}</p>`}
        ${isDone && count("skipped") > 0 && html`<p class="quiet">${t("again.setup.skipped", { count: count("skipped") })}</p>`}
        ${refused.length > 0 &&
        html`<div class="notice">
            <p class="notice-title">${t("again.setup.refused")}</p>
            <ul>
                ${refused.map((one) => html`<li key=${one.event}><bdi>${longDate(one.starts_at_ms, zone)}</bdi>${one.refusals.map((why) => html`<br />${reasonOf(why)}`)}</li>`)}
            </ul>
        </div>`}
    `;
}

/** @param {DateRefusal} why */
function reasonOf(why) {
    if (why.capacity_min !== null && why.pool) {
        return t("again.setup.capacity", { pool: why.pool, least: why.capacity_min });
    }
    if (has(`shared.field.reason.${why.reason}`)) {
        return told({ field: why.field, code: why.reason, message: "" });
    }
    const problem = `shared.problem.${why.code}`;
    return t(has(problem) ? problem : "shared.problem.other");
}
