// Why something is done: asked before it is done, because the audit log keeps it.
import { ask } from "../shared/dialog.js";
import { FormBox, SubmitButton, TextArea, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */

const LENGTH_MAX = 500;

/**
 * Ask for a reason; null when nobody gave one.
 *
 * @param {{title: string, text: string, button: string, isDangerous?: boolean}} asked
 * @returns {Promise<string | null>}
 */
export function askReason({ title, text, button, isDangerous = false }) {
    return ask(
        title,
        (/** @type {(reason: string) => void} */ close) => html`<${Reason} text=${text} button=${button} isDangerous=${isDangerous} onReason=${close} />`,
    );
}

/**
 * @param {{text: string, button: string, isDangerous: boolean, onReason: (reason: string) => void}} given
 * @returns {Child}
 */
function Reason({ text, button, isDangerous, onReason }) {
    const form = useForm({
        initial: { reason: "" },
        check: ({ reason }) => ({ reason: reason.trim() ? undefined : t("shared.field.missing") }),
        // One line of the log.
        send: async ({ reason }) => onReason(reason.trim().replace(/\s+/g, " ")),
    });
    return html`<${FormBox} form=${form}>
        ${text && html`<p class="quiet">${text}</p>`}
        <${TextArea} ...${form.field("reason")} label=${t("admin.reason")} hint=${t("admin.reason_hint")} rows="3" maxlength=${LENGTH_MAX} autofocus />
        <${SubmitButton} form=${form} kind=${isDangerous ? "button-danger" : "button-main"}>${button}<//>
    <//>`;
}
