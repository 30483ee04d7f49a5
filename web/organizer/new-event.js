// A new event: what it is called, when and where in the world it is. Everything else can wait.
import { post } from "../shared/api.js";
import { FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { PageHead } from "../shared/parts.js";
import { showOrganisation } from "./frame.js";
import { TimeField } from "./time-field.js";
import { CURRENCIES, zoneOptions } from "./zones.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function NewEvent({ place }) {
    const form = useForm({
        initial: { title: "", starts_at: "", time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, currency: "EUR" },
        check: ({ title, starts_at }) => ({
            title: title.trim() ? undefined : t("shared.field.missing"),
            starts_at: starts_at ? undefined : t("shared.field.reason.not_a_time"),
        }),
        send: async (values) => {
            /** @type {{event: string}} */
            const made = (await post(`${place.api}/events`, { ...values, title: values["title"].trim() })).value;
            location.assign(`${place.base}/events/${made.event}`);
        },
    });
    const zoned = (/** @type {string} */ zone) => {
        form.set("time_zone", zone);
        // An hour that comes twice in one zone does not in another.
        form.set("starts_at", form.values["starts_at"].slice(0, 16));
    };
    return html`
        <${PageHead} title=${t("organizer.new_event.title")} text=${t("organizer.new_event.text")} />
        <section class="panel">
            <${FormBox} form=${form} label=${t("organizer.new_event.title")}>
                <${TextField} ...${form.field("title")} label=${t("organizer.event.title")} maxlength="200" autofocus dir="auto" />
                <div class="form-row">
                    <${TimeField} ...${form.field("starts_at")} zone=${form.values["time_zone"]} label=${t("organizer.event.starts_at")} />
                    <${Select} ...${form.field("time_zone")} onValue=${zoned} label=${t("organizer.event.time_zone")} options=${zoneOptions(form.values["time_zone"])} />
                </div>
                <${Select} ...${form.field("currency")} label=${t("organizer.event.currency")} hint=${t("organizer.event.currency_hint")} options=${CURRENCIES} />
                <div class="form-actions"><${SubmitButton} form=${form}>${t("organizer.new_event.button")}<//></div>
            <//>
        </section>
    `;
}

void showOrganisation("events", (place) => html`<${NewEvent} place=${place} />`);
