// Events from elsewhere and to elsewhere: a file in, a file out. What a file has wrong is told by its line.
import { Problem, told as toldOfField } from "../shared/api.js";
import { FormBox, Field, Select, SubmitButton, useForm } from "../shared/forms.js";
import { count } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { has, t } from "../shared/i18n.js";
import { newOperation } from "../shared/ids.js";
import { PageHead, Panel } from "../shared/parts.js";
import { showOrganisation } from "./frame.js";
import { zoneOptions } from "./zones.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{line: number, code: string, message: string, values: Record<string, string | number>}} Told */
/** @typedef {{created: number, updated: number, unchanged: number, kept: number, mistake_count: number, mistakes: Told[], remark_count: number, remarks: Told[]}} Report */

/** @type {Record<string, string>} */
const MEDIA = { json: "application/ld+json", jsonld: "application/ld+json", html: "text/html", htm: "text/html", ics: "text/calendar", csv: "text/csv" };
const TALLIES = /** @type {const} */ (["created", "updated", "unchanged", "kept"]);

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Transfer({ place }) {
    return html`
        <p class="back"><a href=${`${place.base}/events`}>${t("organizer.nav.events")}</a></p>
        <${PageHead} title=${t("again.transfer.title")} text=${t("again.transfer.text")} />
        ${place.may("events.create") && html`<${Import} place=${place} />`}
        <${Panel} id="export" title=${t("again.transfer.export")} note=${t("again.transfer.export_text")}>
            <div class="form-actions">
                ${["json", "ics", "csv"].map((format) => html`<a key=${format} class="button button-quiet" href=${`/api/v1${place.api}/export?format=${format}`} download>${t(`again.transfer.${format}`)}</a>`)}
            </div>
        <//>
    `;
}

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Import({ place }) {
    const [report, setReport] = useState(/** @type {Report | null} */ (null));
    const form = useForm({
        initial: { file: /** @type {File | null} */ (null), time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone },
        check: ({ file }) => ({ file: file ? undefined : t("again.transfer.no_file") }),
        send: async ({ file, time_zone: zone }) => {
            setReport(null);
            setReport(await sent(place, file, zone));
        },
    });
    const field = form.field("file");
    return html`<${Panel} id="import" title=${t("again.transfer.import")} note=${t("again.transfer.import_text")}>
        <${FormBox} form=${form} label=${t("again.transfer.import")}>
            <div class="form-row">
                <${Field} name="file" label=${t("again.transfer.file")} wrong=${field.wrong}>
                    ${(/** @type {Record<string, unknown>} */ tied) => html`<input
                        ...${tied}
                        type="file"
                        name="file"
                        accept=".json,.jsonld,.html,.htm,.ics,.csv"
                        onChange=${(/** @type {Event} */ event) => field.onValue(/** @type {HTMLInputElement} */ (event.currentTarget).files?.[0] ?? null)}
                    />`}
                <//>
                <${Select} ...${form.field("time_zone")} label=${t("organizer.event.time_zone")} hint=${t("again.transfer.zone_hint")} options=${zoneOptions(form.values["time_zone"])} />
            </div>
            <div class="form-actions"><${SubmitButton} form=${form}>${t("again.transfer.button")}<//></div>
        <//>
        <div class="notice-place" role="status">${report && html`<${Outcome} report=${report} />`}</div>
    <//>`;
}

/**
 * @param {{report: Report}} given
 * @returns {Child}
 */
function Outcome({ report }) {
    return html`<div class="stack">
        <h3>${t("again.transfer.done")}</h3>
        <dl class="pairs">
            ${TALLIES.map((name) => html`<div key=${name}><dt>${t(`again.transfer.${name}`)}</dt><dd>${count(report[name])}</dd></div>`)}
            <div><dt>${t("again.transfer.mistakes")}</dt><dd>${count(report.mistake_count)}</dd></div>
        </dl>
        <${Lines} told=${report.mistakes} total=${report.mistake_count} />
        ${report.remark_count > 0 && html`<h3>${t("again.transfer.remarks")}</h3>`}
        <${Lines} told=${report.remarks} total=${report.remark_count} />
    </div>`;
}

/**
 * @param {{told: Told[], total: number}} given
 * @returns {Child}
 */
function Lines({ told, total }) {
    const more = total - told.length;
    return html`
        ${told.length > 0 &&
        html`<ul class="rows">
            ${told.map((one, at) => html`<li key=${at}><div class="row-text"><strong>${t("again.transfer.line", { line: one.line })}</strong><span dir="auto">${textOf(one)}</span></div></li>`)}
        </ul>`}
        ${more > 0 && html`<p class="quiet">${t("again.transfer.more_mistakes", { count: more })}</p>`}
    `;
}

/**
 * What is said of a line: of a field as every form says it, and else by what the import calls it.
 *
 * @param {Told} one
 */
function textOf({ code, message, values }) {
    if (code === "field") {
        const field = String(values["field"] ?? "");
        return toldOfField({ field, code: String(values["reason"] ?? ""), message: message.slice(field.length + 2) });
    }
    // A page that was loaded before the server became newer may not know it.
    return has(`again.import.${code}`) ? t(`again.import.${code}`, values) : message;
}

/**
 * The file goes as it is: what it is in is told by its name.
 *
 * @param {Place} place
 * @param {File} file
 * @param {string} zone
 * @returns {Promise<Report>}
 */
async function sent(place, file, zone) {
    const type = MEDIA[file.name.split(".").at(-1)?.toLowerCase() ?? ""] ?? file.type;
    const headers = { accept: "application/json", "content-type": type || "application/octet-stream", "idempotency-key": newOperation(Date.now()) };
    const answer = await fetch(`/api/v1${place.api}/import?time_zone=${encodeURIComponent(zone)}`, { method: "POST", headers, body: file, credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) {
        throw new Problem(answer?.status ?? 0, (await answer?.json().catch(() => null)) ?? {});
    }
    return await answer.json();
}

void showOrganisation("events", (place) => html`<${Transfer} place=${place} />`);
