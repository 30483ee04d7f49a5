// An event once more: a copy of it, or a series of events like it.
import { post } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Checkboxes, Choices, FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { locale, t } from "../shared/i18n.js";
import { SeriesDates } from "./series-dates.js";
import { TimeField } from "./time-field.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{event: string, title: string, starts_at: string, time_zone: string}} Original */
/** @typedef {{place: import("./frame.js").Place, event: Original, onClose: () => void}} Given */

const COUNT_MAX = 366;
const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });

/**
 * @param {{place: import("./frame.js").Place, event: Original}} given
 * @returns {Child}
 */
export function Again({ place, event }) {
    const [open, setOpen] = useState(/** @type {"copy" | "repeat" | null} */ (null));
    if (!place.may("events.create")) {
        return null;
    }
    const close = () => setOpen(null);
    return html`<section class="panel" aria-labelledby="again-heading">
        <h2 id="again-heading">${t("again.again")}</h2>
        <div class="form-actions">
            <button type="button" class="button button-quiet" onClick=${() => setOpen("copy")}>${t("again.copy.button")}</button>
            <button type="button" class="button button-quiet" onClick=${() => setOpen("repeat")}>${t("again.repeat.button")}</button>
        </div>
        ${open === "copy" && html`<${Copy} place=${place} event=${event} onClose=${close} />`}
        ${open === "repeat" && html`<${Repeat} place=${place} event=${event} onClose=${close} />`}
    </section>`;
}

/**
 * @param {Given} given
 * @returns {Child}
 */
function Copy({ place, event, onClose }) {
    const form = useForm({
        initial: { title: event.title, starts_at: event.starts_at },
        check: ({ title, starts_at }) => ({
            title: title.trim() ? undefined : t("shared.field.missing"),
            starts_at: starts_at ? undefined : t("shared.field.reason.not_a_time"),
        }),
        send: async ({ title, starts_at }) => {
            const made = /** @type {{event: string}} */ ((await post(`${place.api}/events/${event.event}/copy`, { title: title.trim(), starts_at })).value);
            location.assign(`${place.base}/events/${made.event}`);
        },
    });
    return html`<${Dialog} title=${t("again.copy.title")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <p class="quiet">${t("again.copy.text")}</p>
            <${TextField} ...${form.field("title")} id="copy-title" label=${t("organizer.event.title")} maxlength="200" dir="auto" autofocus />
            <${TimeField} ...${form.field("starts_at")} id="copy-starts" label=${t("organizer.event.starts_at")} zone=${event.time_zone} />
            <div class="form-actions"><${SubmitButton} form=${form}>${t("again.copy.button")}<//></div>
        <//>
    <//>`;
}

/** The day of the week of a day, 1 is Monday. @param {string} day */
function weekdayOf(day) {
    return new Date(`${day.slice(0, 10)}T00:00Z`).getUTCDay() || 7;
}

/**
 * @param {Given} given
 * @returns {Child}
 */
function Repeat({ place, event, onClose }) {
    const between = (/** @type {string} */ text, /** @type {number} */ most) =>
        /^\d{1,3}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most ? undefined : t("again.wrong.between", { most });
    const form = useForm({
        initial: { title: event.title, kind: "weekly", weekdays: [weekdayOf(event.starts_at)], every: "1", end: "count", count: "10", until: "", dates: [""] },
        check: (given) => ({
            title: given["title"].trim() ? undefined : t("shared.field.missing"),
            weekdays: given["kind"] !== "weekly" || given["weekdays"].length > 0 ? undefined : t("again.wrong.weekdays"),
            every: given["kind"] === "dates" ? undefined : between(given["every"], given["kind"] === "weekly" ? 52 : 365),
            count: given["kind"] === "dates" || given["end"] !== "count" ? undefined : between(given["count"], COUNT_MAX),
            until: given["kind"] === "dates" || given["end"] !== "until" || given["until"] ? undefined : t("again.wrong.until"),
            dates: given["kind"] !== "dates" || given["dates"].every(Boolean) ? undefined : t("shared.field.reason.not_a_time"),
        }),
        called: { "rule.every": "every", "rule.weekdays": "weekdays", "rule.starts": "dates" },
        send: async (given) => {
            const end = given["kind"] === "dates" ? {} : given["end"] === "until" ? { until: given["until"] } : { count: Number(given["count"]) };
            await post(`${place.api}/series`, { event: event.event, title: given["title"].trim(), rule: ruleOf(given), ...end });
            location.assign(`${place.base}/events`);
        },
    });
    const { kind, end } = form.values;
    const isWeekly = kind === "weekly";
    return html`<${Dialog} title=${t("again.repeat.title")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <p class="quiet">${t("again.repeat.text")}</p>
            <${TextField} ...${form.field("title")} id="series-title" label=${t("again.repeat.name")} maxlength="200" dir="auto" autofocus />
            <${Choices} ...${form.field("kind")} label=${t("again.repeat.kind")} kind="cards" options=${["weekly", "daily", "dates"].map((value) => ({ value, label: t(`again.repeat.kind.${value}`) }))} />
            ${isWeekly && html`<${Weekdays} field=${form.field("weekdays")} />`}
            ${kind === "dates"
                ? html`<${SeriesDates} zone=${event.time_zone} field=${form.field("dates")} />`
                : html`
                      <${TextField} ...${form.field("every")} label=${t(isWeekly ? "again.repeat.every_weekly" : "again.repeat.every_daily")} inputmode="numeric" maxlength="3" />
                      <div class="form-row">
                          <${Select} ...${form.field("end")} label=${t("again.repeat.end")} options=${["count", "until"].map((value) => ({ value, label: t(`again.repeat.end.${value}`) }))} />
                          ${end === "until"
                              ? html`<${TextField} ...${form.field("until")} label=${t("again.repeat.until")} type="date" />`
                              : html`<${TextField} ...${form.field("count")} label=${t("again.repeat.count")} inputmode="numeric" maxlength="3" />`}
                      </div>
                  `}
            <div class="form-actions"><${SubmitButton} form=${form}>${t("again.repeat.button")}<//></div>
        <//>
    <//>`;
}

/** @param {Record<string, any>} given */
function ruleOf(given) {
    const every = Number(given["every"]);
    switch (given["kind"]) {
        case "weekly":
            return { kind: "weekly", every, weekdays: given["weekdays"] };
        case "daily":
            return { kind: "daily", every };
        default:
            return { kind: "dates", starts: given["dates"] };
    }
}

/**
 * @param {{field: {value: number[], wrong: string | undefined, onValue: (value: number[]) => void}}} given
 * @returns {Child}
 */
function Weekdays({ field }) {
    const options = [1, 2, 3, 4, 5, 6, 7].map((value) => ({ value, label: weekday.format(Date.UTC(2024, 0, value)) }));
    const sorted = (/** @type {number[]} */ days) => field.onValue([...days].sort((a, b) => a - b));
    return html`<${Checkboxes} ...${field} onValue=${sorted} id="weekdays" kind="weekdays" label=${t("again.repeat.weekdays")} options=${options} />`;
}
