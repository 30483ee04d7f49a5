// What the organiser asks of those who buy: which fields a reservation has, what is typed into them and what is wrong
// with it. The server may ask for more than the page knows of: what was added since, or is asked of hidden types.
import { html, signal } from "../shared/html.js";
import { Select, TextArea, TextField } from "../shared/forms.js";
import { has, t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/wire").Answer} Answer */
/** @typedef {import("../shared/wire").HeldLine} HeldLine */
/** @typedef {import("../shared/wire").Refused} Refused */
/** @typedef {import("./sale.js").Sale} Sale */

/**
 * @typedef {object} QuestionData
 * @property {string} question
 * @property {"order" | "ticket"} per
 * @property {string} label
 * @property {string} kind
 * @property {string[]} choices
 * @property {boolean} is_required
 * @property {string[]} ticket_types of which it is asked; none is all
 */

/**
 * A field: a question to the order or to one of its tickets.
 *
 * @typedef {{id: string, question: string, ticket: number | null, label: string, kind: string, choices: string[], isRequired: boolean}} Asked
 */

const INPUT_TYPES = new Map([["email", "email"], ["phone", "tel"], ["date", "date"]]);
const LENGTH_MAX = 300;
const LONG_LENGTH_MAX = 2_000;
const NOT_ASKED = new Set(["unknown_question", "not_asked"]);

export class Questions {
    values = signal(/** @type {Record<string, string>} */ ({}));
    /** What is wrong, by field. */
    wrong = signal(/** @type {Record<string, string>} */ ({}));
    /** What the server asked for that the page did not know. */
    #added = signal(/** @type {Asked[]} */ ([]));
    /** Fields that the server knows no question for any more. */
    #gone = signal(/** @type {string[]} */ ([]));

    /** @param {QuestionData[]} questions of the event's page */
    constructor(questions) {
        this.questions = questions;
    }

    /**
     * Return the fields for what is held: those of the order, then ticket by ticket.
     *
     * @param {HeldLine[]} held
     * @returns {Asked[]}
     */
    fields(held) {
        const types = held.flatMap((line) => /** @type {string[]} */ (Array(line.quantity).fill(line.ticket_type)));
        const isAbout = (/** @type {QuestionData} */ one, /** @type {string} */ type) =>
            one.ticket_types.length === 0 || one.ticket_types.includes(type);
        const whole = this.questions.filter((one) => one.per === "order" && types.some((type) => isAbout(one, type)));
        const each = types.flatMap((type, ticket) =>
            this.questions.filter((one) => one.per === "ticket" && isAbout(one, type)).map((one) => asked(one, ticket)),
        );
        const known = [...whole.map((one) => asked(one, null)), ...each].filter((one) => !this.#gone.value.includes(one.id));
        const added = this.#added.value.filter((one) => one.ticket === null || one.ticket < types.length);
        const all = [...known, ...added.filter((one) => !known.some((other) => other.id === one.id))];
        return all.sort((one, other) => (one.ticket ?? -1) - (other.ticket ?? -1));
    }

    /**
     * Return what is answered.
     *
     * @param {HeldLine[]} held
     * @returns {Answer[]}
     */
    answers(held) {
        return this.fields(held)
            .map(({ id, question, ticket }) => ({ question, ticket, text: this.values.peek()[id] ?? "" }))
            .filter((answer) => answer.text.trim() !== "");
    }

    /**
     * Mark what is missing. Returns the id of the first such field, if there is one.
     *
     * @param {HeldLine[]} held
     */
    check(held) {
        const missing = this.fields(held).filter((one) => one.isRequired && !this.values.peek()[one.id]?.trim());
        this.wrong.value = Object.fromEntries(missing.map((one) => [one.id, wrongText("missing", one.kind)]));
        return missing[0]?.id;
    }

    /**
     * Take a refusal that is about an answer: mark its field, which may be a new one. Says whether it was.
     *
     * @param {Refused} refused
     * @param {HeldLine[]} held
     */
    take(refused, held) {
        const { field, question, reason, ...more } = refused.details;
        if (field !== "answers" || typeof question !== "string") {
            return false;
        }
        const ticket = typeof more["ticket"] === "number" ? more["ticket"] : null;
        const id = idOf(question, ticket);
        const known = this.fields(held).find((one) => one.id === id);
        if (NOT_ASKED.has(String(reason))) {
            this.#gone.value = [...this.#gone.peek(), id];
            this.#added.value = this.#added.peek().filter((one) => one.id !== id);
            return false;
        }
        const kind = String(more["kind"] ?? known?.kind);
        if (refused.code === "answers_wanted") {
            const choices = String(more["choices"] ?? "").split("\n").filter(Boolean);
            const wanted = { id, question, ticket, label: String(more["label"]), kind, choices, isRequired: true };
            this.#added.value = [...this.#added.peek().filter((one) => one.id !== id), ...(known ? [] : [wanted])];
        }
        this.wrong.value = { [id]: wrongText(refused.code === "answers_wanted" ? "missing" : String(reason), kind) };
        // After the redraw that shows the field.
        requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(id)?.focus()));
        return true;
    }

    /**
     * @param {string} id
     * @param {string} value
     */
    set(id, value) {
        this.values.value = { ...this.values.peek(), [id]: value };
        const { [id]: _, ...others } = this.wrong.peek();
        this.wrong.value = others;
    }
}

/**
 * The fields of a reservation; nothing where nothing is asked.
 *
 * @param {{questions: Questions, held: HeldLine[], sale: Sale, isPaying: boolean}} given
 * @returns {Child}
 */
export function QuestionFields({ questions, held, sale, isPaying }) {
    const fields = questions.fields(held);
    if (fields.length === 0) {
        return null;
    }
    const types = held.flatMap((line) => /** @type {string[]} */ (Array(line.quantity).fill(line.ticket_type)));
    const tickets = [...new Set(fields.map((one) => one.ticket))];
    return html`
        <div class="questions">
            ${tickets.map((ticket) => {
                const inputs = fields
                    .filter((one) => one.ticket === ticket)
                    .map((one) => html`<${QuestionField} key=${one.id} asked=${one} questions=${questions} isPaying=${isPaying} />`);
                const name = ticket === null ? "" : (sale.type(types[ticket] ?? "")?.name ?? t("event.ticket"));
                return ticket === null
                    ? inputs
                    : html`<fieldset class="questions-ticket" key=${ticket}>
                          <legend>${t("event.answers.of_ticket", { number: ticket + 1, name })}</legend>
                          ${inputs}
                      </fieldset>`;
            })}
        </div>
    `;
}

/**
 * @param {{asked: Asked, questions: Questions, isPaying: boolean}} given
 * @returns {Child}
 */
function QuestionField({ asked: { id, label, kind, choices, isRequired }, questions, isPaying }) {
    const common = {
        id,
        name: id,
        label: html`<bdi>${label}</bdi>`,
        isOptional: !isRequired,
        wrong: questions.wrong.value[id],
        value: questions.values.value[id] ?? "",
        onValue: (/** @type {string} */ value) => questions.set(id, value),
    };
    if (kind === "choice" || kind === "yes_no") {
        const options = kind === "choice" ? choices.map((one) => ({ value: one, label: one })) : ["yes", "no"].map((one) => ({ value: one, label: t(`event.answers.${one}`) }));
        return html`<${Select} ...${common} options=${[{ value: "", label: t("event.answers.choose") }, ...options]} disabled=${isPaying} />`;
    }
    if (kind === "long_text") {
        return html`<${TextArea} ...${common} rows=${3} maxLength=${LONG_LENGTH_MAX} readOnly=${isPaying} dir="auto" />`;
    }
    const type = INPUT_TYPES.get(kind) ?? "text";
    return html`<${TextField} ...${common} type=${type} maxLength=${LENGTH_MAX} readOnly=${isPaying} dir=${type === "text" ? "auto" : undefined} />`;
}

/**
 * @param {QuestionData} one
 * @param {number | null} ticket
 * @returns {Asked}
 */
function asked(one, ticket) {
    const { question, label, kind, choices, is_required: isRequired } = one;
    return { id: idOf(question, ticket), question, ticket, label, kind, choices, isRequired };
}

/**
 * @param {string} question
 * @param {number | null} ticket
 */
function idOf(question, ticket) {
    return `answer-${question}-${ticket ?? "order"}`;
}

/**
 * @param {string} reason
 * @param {string} kind of the question
 */
function wrongText(reason, kind) {
    const key = ["event.answers.wrong", reason, kind].join(".");
    return t(has(key) ? key : has(`event.answers.wrong.${reason}`) ? `event.answers.wrong.${reason}` : "event.answers.wrong.form");
}
