// The dates of a series that follows no rule, one after the other.
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { TimeField } from "./time-field.js";

/** @typedef {import("../shared/html.js").Child} Child */

export const DATES_MAX = 366;

/**
 * @param {{zone: string, field: {value: string[], wrong: string | undefined, onValue: (value: string[]) => void}}} given
 * @returns {Child}
 */
export function SeriesDates({ zone, field }) {
    const dates = field.value;
    const set = (/** @type {number} */ at, /** @type {string} */ value) => field.onValue(dates.map((one, other) => (other === at ? value : one)));
    return html`<fieldset class="field" data-wrong=${Boolean(field.wrong)} aria-describedby="dates-wrong">
        <legend>${t("again.repeat.dates")}</legend>
        ${dates.map(
            (value, at) => html`<div class="series-date" key=${at}>
                <${TimeField} name=${`date_${at}`} label=${t("again.repeat.date", { number: at + 1 })} zone=${zone} value=${value} onValue=${(/** @type {string} */ written) => set(at, written)} />
                ${dates.length > 1 &&
                html`<button type="button" class="button button-plain" data-tone="danger" aria-label=${t("again.repeat.remove_date", { number: at + 1 })} onClick=${() => field.onValue(dates.filter((_, other) => other !== at))}>${t("shared.remove")}</button>`}
            </div>`,
        )}
        <p class="field-wrong" id="dates-wrong" aria-live="polite">${field.wrong ?? ""}</p>
        ${dates.length < DATES_MAX && html`<div><button type="button" class="button button-plain" onClick=${() => field.onValue([...dates, ""])}>${t("again.repeat.add_date")}</button></div>`}
    </fieldset>`;
}
