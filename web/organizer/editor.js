// The editor of one event: what it says, when and where, its tickets, its codes, and putting it on sale. Everything is
// saved by itself; beside it stands what visitors will see.
import { patch, post, problemOf, read } from "../shared/api.js";
import { ActionButton, TextField } from "../shared/forms.js";
import { html, useEffect, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, TabPanel, Tabs } from "../shared/parts.js";
import { tell as tellOf } from "../shared/list.js";
import { toast, undoToast } from "../shared/toasts.js";
import { Again } from "./again.js";
import { Draft } from "./draft.js";
import { Basics, Description, TimeAndPlace } from "./event-fields.js";
import { Reserving } from "./event-more.js";
import { showOrganisation } from "./frame.js";
import { EventOrders } from "./orders.js";
import { Partners } from "./partners.js";
import { Preview } from "./preview.js";
import { SeriesDate } from "./series.js";
import { TONES } from "./status.js";
import { Tickets, TicketsDocument } from "./tickets.js";
import { Vouchers } from "./vouchers.js";
import { leadTo } from "./wrong-field.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */

/**
 * @typedef {object} EventDocument
 * @property {string} event
 * @property {number} version
 * @property {string} status
 * @property {string} slug
 * @property {string} title
 * @property {string} summary
 * @property {string} description
 * @property {string} description_html
 * @property {string | null} venue
 * @property {string} venue_name
 * @property {string} address
 * @property {string} city
 * @property {string} country
 * @property {string} time_zone
 * @property {string} currency
 * @property {string} starts_at
 * @property {number} starts_at_ms
 * @property {string | null} ends_at
 * @property {string | null} doors_at
 * @property {string | null} opens_at
 * @property {string} organisation
 * @property {string} organiser
 * @property {string | null} series
 * @property {string} image_url
 * @property {string} image_alt
 * @property {string} language
 * @property {readonly string[]} images
 * @property {{latitude: number, longitude: number} | null} geo
 * @property {number} hold_seconds
 * @property {number} extension_seconds
 * @property {string} category
 * @property {readonly string[]} tags
 * @property {boolean} may_edit
 * @property {string[]} steps
 * @property {import("./tickets.js").TicketsValue} tickets
 */

const TABS = ["say", "place", "tickets", "codes", "orders", "partners"];
/** What those who are shown a tab have to be allowed. @type {Record<string, import("./frame.js").Permission | undefined>} */
const NEEDED = { codes: "vouchers.read", orders: "orders.read" };

/**
 * @param {{place: Place, path: string, draft: Draft<EventDocument>, tickets: TicketsDocument}} given
 * @returns {Child}
 */
function Editor({ place, path, draft, tickets }) {
    const event = draft.value.value;
    const shown = TABS.filter((id) => isShown(place, id, event.event));
    const named = () => shown.find((id) => location.hash === `#${id}`) ?? "say";
    const [tab, setTab] = useState(named);
    const choose = (/** @type {string} */ id) => {
        setTab(id);
        history.replaceState(null, "", `#${id}`);
    };
    useEffect(() => {
        document.title = `${event.title} · Bilten`;
    }, [event.title]);
    useEffect(() => {
        const go = () => setTab(named());
        addEventListener("hashchange", go);
        return () => removeEventListener("hashchange", go);
    }, []);
    return html`
        <p class="back"><a href=${`${place.base}/events`}>${t("organizer.nav.events")}</a></p>
        <header class="editor-head">
            <div class="editor-title">
                <h1><bdi>${event.title}</bdi></h1>
                <${Badge} tone=${TONES[event.status]}>${t(`organizer.status.${event.status}`)}<//>
            </div>
            <${SaveState} draft=${draft} />
        </header>
        <${Conflict} draft=${draft} />
        <div class="editor">
            <div class="stack editor-form">
                <${Tabs}
                    label=${t("organizer.editor.sections")}
                    tabs=${shown.map((id) => ({ id, label: t(`organizer.editor.${id}`) }))}
                    chosen=${tab}
                    onChoose=${choose}
                />
                <${TabPanel} id=${tab}>
                    ${tab === "say" && html`<${Basics} draft=${draft} /><${Description} draft=${draft} />`}
                    ${tab === "place" && html`<${TimeAndPlace} draft=${draft} place=${place} />`}
                    ${tab === "tickets" && html`<${Tickets} document=${tickets} event=${event} /><${Reserving} draft=${draft} />`}
                    ${tab === "codes" && html`<${Vouchers} path=${path} event=${event} tickets=${tickets.value.value} may=${place.may("vouchers.manage", event.event)} />`}
                    ${tab === "orders" && html`<${EventOrders} place=${place} path=${path} event=${event} />`}
                    ${tab === "partners" && html`<${Partners} place=${place} path=${path} event=${event} />`}
                <//>
            </div>
            <aside class="editor-side" aria-label=${t("organizer.preview.label")}>
                <${Publishing} place=${place} path=${path} draft=${draft} tickets=${tickets} onGo=${choose} />
                <${SeriesDate} place=${place} draft=${draft} tickets=${tickets} />
                <${Again} place=${place} event=${event} />
                <${Preview} event=${event} tickets=${tickets.value.value} organiser=${place.name} />
            </aside>
        </div>
    `;
}

/**
 * @param {Place} place
 * @param {string} tab
 * @param {string} event
 */
function isShown(place, tab, event) {
    const needed = NEEDED[tab];
    return needed === undefined || place.may(needed, event);
}

/**
 * @param {{draft: Draft<EventDocument>}} given
 * @returns {Child}
 */
function SaveState({ draft }) {
    const state = draft.state.value;
    return html`<p class="save-state" data-state=${state} role="status">
        <span>${t(`organizer.save.${state}`)}</span>
        ${draft.undoCount.value > 0 && html`<button type="button" class="button button-plain" onClick=${() => draft.undo()}>${t("shared.undo")}</button>`}
    </p>`;
}

/**
 * @param {{draft: Draft<EventDocument>}} given
 * @returns {Child}
 */
function Conflict({ draft }) {
    return html`<div role="alert" class="notice-place">
        ${draft.state.value === "conflict" &&
        html`<div class="notice">
            <p class="notice-title">${t("organizer.conflict.title")}</p>
            <p>${t("organizer.conflict.text")}</p>
            <div class="form-actions">
                <${ActionButton} onPress=${() => draft.takeTheirs()} onProblem=${tellOf}>${t("organizer.conflict.theirs")}<//>
                <${ActionButton} onPress=${() => draft.keepMine()} onProblem=${tellOf}>${t("organizer.conflict.mine")}<//>
            </div>
        </div>`}
    </div>`;
}

/**
 * What is still missing, and the steps that may be taken now.
 *
 * @param {{place: Place, path: string, draft: Draft<EventDocument>, tickets: TicketsDocument, onGo: (tab: string) => void}} given
 * @returns {Child}
 */
function Publishing({ place, path, draft, tickets, onGo }) {
    const event = draft.value.value;
    const step = async (/** @type {string} */ name, /** @type {unknown} */ said = undefined) => {
        if (!(await draft.flush())) {
            const wrong = draft.state.peek() === "wrong" ? draft.problem.peek() : null;
            toast(wrong?.text ?? t("organizer.save.first"));
            leadTo(wrong, draft, onGo);
            return;
        }
        /** @type {import("../shared/api.js").Answer<EventDocument>} */
        const answer = await post(`${path}/${name}`, said, { version: draft.version });
        draft.adopt({ value: answer.value, version: answer.version ?? answer.value.version });
        if (name === "pause") {
            undoToast(t("organizer.did.pause"), () => step("resume").catch(tell));
        } else {
            toast(t(`organizer.did.${name}`));
        }
    };
    const tell = (/** @type {unknown} */ thrown) => {
        const problem = problemOf(thrown);
        tellOf(problem);
        leadTo(problem, draft, onGo);
        if (problem.code === "version_conflict") {
            // They see what the other one wrote before they press again.
            draft.takeTheirs().catch(tellOf);
        }
    };
    const missing = [
        { is: !event.venue_name && !event.venue, tab: "place", name: "venue" },
        { is: tickets.value.value.ticket_types.length === 0, tab: "tickets", name: "tickets" },
    ].filter((one) => one.is);
    const isDraft = event.steps.includes("publish");
    const others = event.steps.filter((name) => !["publish", "archive", "cancel"].includes(name) && place.may("sale.control", event.event));
    return html`<section class="panel publishing" aria-labelledby="publishing-heading">
        <h2 id="publishing-heading">${t(isDraft ? "organizer.publish.title" : "organizer.publish.live")}</h2>
        ${isDraft &&
        missing.length > 0 &&
        html`<ul class="missing">
            ${missing.map((one) => html`<li><button type="button" class="button button-plain" onClick=${() => onGo(one.tab)}>${t(`organizer.missing.${one.name}`)}</button></li>`)}
        </ul>`}
        ${isDraft && missing.length === 0 && html`<p class="quiet">${t("organizer.publish.ready")}</p>`}
        <div class="form-actions">
            ${isDraft &&
            place.may("events.publish", event.event) &&
            html`<${ActionButton} kind="button-main" isDisabled=${missing.length > 0} onPress=${() => step("publish")} onProblem=${tell}>${t("organizer.step.publish")}<//>`}
            <a class="button button-quiet" href=${`/e/${event.slug}`}>${t(isDraft ? "organizer.see_draft" : "organizer.see_page")}</a>
            ${!isDraft && place.may("sales.watch", event.event) && html`<a class="button button-quiet" href=${`${place.base}/events/${event.event}/sales`}>${t("organizer.watch_sales")}</a>`}
            ${others.map((name) => html`<${ActionButton} key=${name} onPress=${() => step(name)} onProblem=${tell}>${t(`organizer.step.${name}`)}<//>`)}
        </div>
        ${event.steps.includes("cancel") && place.may("events.cancel", event.event) && html`<${Cancelling} onCancel=${(/** @type {string} */ reason) => step("cancel", { reason })} onProblem=${tell} />`}
    </section>`;
}

/**
 * Cancelling can't be undone, and refunds follow: this one is asked twice.
 *
 * @param {{onCancel: (reason: string) => Promise<void>, onProblem: (problem: import("../shared/api.js").Problem) => void}} given
 * @returns {Child}
 */
function Cancelling({ onCancel, onProblem }) {
    const [reason, setReason] = useState("");
    return html`<details class="cancelling">
        <summary>${t("organizer.cancel.title")}</summary>
        <p class="quiet">${t("organizer.cancel.text")}</p>
        <${TextField} name="reason" label=${t("organizer.cancel.reason")} hint=${t("organizer.cancel.reason_hint")} value=${reason} onValue=${setReason} maxlength="500" dir="auto" isOptional />
        <${ActionButton} kind="button-danger" onPress=${() => onCancel(reason.trim())} onProblem=${onProblem}>${t("organizer.step.cancel")}<//>
    </details>`;
}

void showOrganisation("events", async (place) => {
    const id = /\/events\/(event_[0-9a-z]{26})/.exec(location.pathname)?.[1] ?? "";
    const path = `${place.api}/events/${id}`;
    const load = async () => {
        /** @type {import("../shared/api.js").Answer<EventDocument>} */
        const { value, version } = await read(path);
        return { value, version: version ?? value.version };
    };
    const { value, version } = await load();
    const save = async (/** @type {Partial<EventDocument>} */ changes, /** @type {number} */ based) => {
        /** @type {import("../shared/api.js").Answer<EventDocument>} */
        const answer = await patch(path, changes, { version: based });
        tickets.adopt(answer.value.tickets);
        return { value: answer.value, version: answer.version ?? answer.value.version };
    };
    const draft = new Draft(value, version, save, load);
    const tickets = new TicketsDocument(`${path}/ticket-types`, value.tickets, async () => (await load()).value.tickets);
    return html`<${Editor} place=${place} path=${path} draft=${draft} tickets=${tickets} />`;
});
