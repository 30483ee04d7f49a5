// Devices that scan tickets: each gets a token of its own, so that a lost one is shut out alone.
import { post } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { PageHead } from "../shared/parts.js";
import { eventOptions, useEvents } from "./event-names.js";
import { showOrganisation } from "./frame.js";
import { DAYS, ShownOnce, TokenList, daysOptions } from "./tokens.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Devices({ place }) {
    const [isNew, setNew] = useState(false);
    const [turn, setTurn] = useState(0);
    const events = useEvents(place);
    const add = html`<button type="button" class="button button-main" onClick=${() => setNew(true)}>${t("team.devices.add")}</button>`;
    return html`
        <${PageHead} title=${t("organizer.nav.devices")} text=${t("team.devices.text")}>${add}<//>
        <${TokenList} key=${turn} place=${place} kind="devices" events=${events} />
        ${isNew && html`<${NewDevice} place=${place} events=${events} onClose=${() => (setNew(false), setTurn(turn + 1))} />`}
    `;
}

/**
 * @param {{place: Place, events: import("./event-names.js").NamedEvent[], onClose: () => void}} given
 * @returns {Child}
 */
function NewDevice({ place, events, onClose }) {
    const [token, setToken] = useState("");
    const form = useForm({
        initial: { name: "", event: "", expires_in_days: "30" },
        check: ({ name }) => ({ name: name.trim() ? undefined : t("shared.field.missing") }),
        send: async ({ name, event, expires_in_days }) => {
            const made = /** @type {{token: string}} */ ((await post(`${place.api}/devices`, { name: name.trim(), event: event || null, expires_in_days: Number(expires_in_days) })).value);
            setToken(made.token);
        },
    });
    if (token) {
        return html`<${Dialog} key="shown" title=${form.values["name"]} onClose=${onClose}>
            <${ShownOnce} token=${token} text=${t("team.devices.shown")} hasPicture onDone=${onClose} />
        <//>`;
    }
    return html`<${Dialog} key="form" title=${t("team.devices.add")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${TextField} ...${form.field("name")} label=${t("team.devices.name")} hint=${t("team.devices.name_hint")} maxlength="120" dir="auto" autofocus />
            <${Select} ...${form.field("event")} label=${t("team.where")} options=${eventOptions(events)} />
            <${Select} ...${form.field("expires_in_days")} label=${t("team.lasts")} options=${daysOptions(DAYS)} />
            <div class="form-actions"><${SubmitButton} form=${form}>${t("team.devices.add")}<//></div>
        <//>
    <//>`;
}

void showOrganisation("devices", (place) => html`<${Devices} place=${place} />`);
