// Inviting somebody: their address, what they are to do, and whether for everything or for one event.
import { post } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Choices, FormBox, Select, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { toast } from "../shared/toasts.js";
import { eventOptions } from "./event-names.js";
import { ROLES, WHOLE_ORGANISATION, mayGive } from "./role-names.js";

/** @typedef {import("../shared/html.js").Child} Child */

/**
 * @param {{place: import("./frame.js").Place, events: import("./event-names.js").NamedEvent[], onClose: () => void, onDone: () => void}} given
 * @returns {Child}
 */
export function InviteDialog({ place, events, onClose, onDone }) {
    const form = useForm({
        initial: { email: "", role: "event_manager", event: "" },
        check: ({ email }) => ({ email: /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email.trim()) ? undefined : t("shared.field.email") }),
        send: async ({ email, role, event }) => {
            const isWhole = WHOLE_ORGANISATION.includes(role) || event === "";
            await post(`${place.api}/invitations`, { email: email.trim(), role, event: isWhole ? null : event });
            toast(t("team.invited", { email: email.trim() }));
            onDone();
        },
    });
    const roles = ROLES.filter((role) => mayGive(place, role));
    const isForEvent = !WHOLE_ORGANISATION.includes(form.values["role"]) && events.length > 0;
    return html`<${Dialog} title=${t("team.invite")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${TextField} ...${form.field("email")} label=${t("team.email")} hint=${t("team.email_hint")} type="email" inputmode="email" autocomplete="off" maxlength="254" autofocus />
            <${Choices}
                ...${form.field("role")}
                label=${t("team.role")}
                options=${roles.map((role) => ({ value: role, label: t(`team.role.${role}`), hint: t(`team.role_text.${role}`) }))}
            />
            ${isForEvent && html`<${Select} ...${form.field("event")} label=${t("team.where")} options=${eventOptions(events)} />`}
            <div class="form-actions"><${SubmitButton} form=${form}>${t("team.invite_button")}<//></div>
        <//>
    <//>`;
}
