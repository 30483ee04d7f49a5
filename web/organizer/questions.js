// What is asked of buyers, once an order or for every ticket.
import { Dialog } from "../shared/dialog.js";
import { Checkbox, Checkboxes, Choices, FormBox, Select, SubmitButton, TextArea, TextField, useForm } from "../shared/forms.js";
import { listed } from "../shared/formats.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Panel } from "../shared/parts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./tickets.js").TicketsValue} TicketsValue */

const KINDS = ["text", "long_text", "choice", "yes_no", "email", "phone", "date"];
const FRESH = { question: null, per: "order", label: "", kind: "text", choices: [], is_required: false, ticket_types: [] };

/**
 * @param {{value: TicketsValue, onOpen: (at: number) => void}} given
 * @returns {Child}
 */
export function Questions({ value, onOpen }) {
    const add = html`<button type="button" class="button button-quiet" onClick=${() => onOpen(value.questions.length)}>${t("organizer.question.add")}</button>`;
    return html`<${Panel} id="questions" title=${t("organizer.question.title")} note=${t("organizer.question.note")}>
        ${value.questions.length > 0 &&
        html`<ul class="rows">
            ${value.questions.map(
                (question, at) => html`<li key=${question["question"] ?? at}>
                    <div class="row-text">
                        <strong><bdi>${question["label"]}</bdi></strong>
                        <span>
                            ${t(`organizer.question.kind.${question["kind"]}`)} · ${t(`organizer.question.per.${question["per"]}`)}${question["ticket_types"].length > 0 &&
                            html` · <bdi>${listed(question["ticket_types"].map((/** @type {number} */ type) => value.ticket_types[type]?.name ?? ""))}</bdi>`}
                        </span>
                    </div>
                    <button type="button" class="button button-plain" aria-label=${t("organizer.question.edit_one", { label: question["label"] })} onClick=${() => onOpen(at)}>${t("shared.edit")}</button>
                </li>`,
            )}
        </ul>`}
        <div class="form-actions">${add}</div>
    <//>`;
}

/**
 * @param {{tickets: import("./tickets.js").TicketsDocument, at: number, onClose: () => void, onRemove: () => void}} given
 * @returns {Child}
 */
export function QuestionDialog({ tickets, at, onClose, onRemove }) {
    const value = tickets.value.peek();
    const present = value.questions[at];
    const question = present ?? FRESH;
    const form = useForm({
        initial: { ...question, choices: question["choices"].join("\n"), ticket_types: [...question["ticket_types"]] },
        check: ({ label, kind, choices }) => ({
            label: label.trim() ? undefined : t("shared.field.missing"),
            choices: kind !== "choice" || lines(choices).length > 1 ? undefined : t("organizer.wrong.choices"),
        }),
        called: { [`questions.${at}.label`]: "label", [`questions.${at}.choices`]: "choices" },
        send: async ({ label, kind, per, choices, is_required, ticket_types }) => {
            const questions = [...value.questions];
            questions[at] = { ...question, label: label.trim(), kind, per, is_required, ticket_types: [...ticket_types].sort((a, b) => a - b), choices: kind === "choice" ? lines(choices) : [] };
            await tickets.change({ questions });
            onClose();
        },
    });
    return html`<${Dialog} title=${t(present ? "organizer.question.change" : "organizer.question.add")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${TextField} ...${form.field("label")} label=${t("organizer.question.label")} placeholder=${t("organizer.question.label_example")} maxlength="300" dir="auto" autofocus />
            <${Select} ...${form.field("kind")} label=${t("organizer.question.kind")} options=${KINDS.map((kind) => ({ value: kind, label: t(`organizer.question.kind.${kind}`) }))} />
            ${form.values["kind"] === "choice" && html`<${TextArea} ...${form.field("choices")} label=${t("organizer.question.choices")} hint=${t("organizer.question.choices_hint")} dir="auto" />`}
            <${Choices} ...${form.field("per")} label=${t("organizer.question.per")} kind="cards" options=${["order", "ticket"].map((per) => ({ value: per, label: t(`organizer.question.per.${per}`) }))} />
            ${value.ticket_types.length > 1 && html`<${AskedOf} types=${value.ticket_types} field=${form.field("ticket_types")} />`}
            <${Checkbox} ...${form.field("is_required")} label=${t("organizer.question.is_required")} />
            <div class="form-actions">
                <${SubmitButton} form=${form}>${t("shared.save")}<//>
                ${present && html`<button type="button" class="button button-plain" data-tone="danger" onClick=${onRemove}>${t("shared.remove")}</button>`}
            </div>
        <//>
    <//>`;
}

/**
 * @param {{types: import("./tickets.js").TicketType[], field: {value: number[], wrong: string | undefined, onValue: (value: number[]) => void}}} given
 * @returns {Child}
 */
function AskedOf({ types, field }) {
    const options = types.map((type, at) => ({ value: at, label: html`<bdi>${type.name}</bdi>` }));
    return html`<${Checkboxes} ...${field} id="asked-of" label=${t("organizer.question.of")} hint=${t("organizer.question.of_hint")} options=${options} />`;
}

/** @param {string} text */
function lines(text) {
    return text
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean);
}
