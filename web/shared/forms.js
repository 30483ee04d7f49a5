// Forms. A field is a label, a hint, the control and what is wrong with it; the last two are tied to the control, so that
// a screen reader says them with it. A form checks when it is sent, not while somebody types; what was wrong goes away
// when the field is changed.
import { western } from "./amounts.js";
import { problemOf } from "./api.js";
import { html, useRef, useState } from "./html.js";
import { t } from "./i18n.js";

/** @typedef {import("./html.js").Child} Child */
/** @typedef {import("./api.js").Problem} Problem */
/** @typedef {Record<string, string | undefined>} Errors */

/**
 * @typedef {object} Form
 * @property {Record<string, any>} values
 * @property {Errors} errors by field
 * @property {Problem | null} problem what belongs to no field
 * @property {boolean} isPending
 * @property {(name: string, value: any) => void} set
 * @property {(values: Record<string, any>) => void} reset
 * @property {(event?: Event) => Promise<void>} submit
 * @property {(name: string) => {name: string, value: any, wrong: string | undefined, onValue: (value: any) => void}} field
 */

/**
 * The state of a form.
 *
 * @param {object} given
 * @param {Record<string, any>} given.initial
 * @param {(values: Record<string, any>) => Errors} [given.check] what the browser can say without asking
 * @param {(values: Record<string, any>) => Promise<void>} given.send throws a Problem when it is refused
 * @param {Record<string, string>} [given.called] what the server's fields are called here, where that differs
 * @returns {Form}
 */
export function useForm({ initial, check, send, called = {} }) {
    const [values, setValues] = useState(initial);
    const [errors, setErrors] = useState(/** @type {Errors} */ ({}));
    const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
    const [isPending, setPending] = useState(false);
    // Handlers of one redraw see the same `values`; what is typed between two is in here.
    const newest = useRef(values);
    newest.current = values;
    const pending = useRef(false);

    const set = (/** @type {string} */ name, /** @type {any} */ value) => {
        newest.current = { ...newest.current, [name]: value };
        setValues(newest.current);
        setErrors((before) => ({ ...before, [name]: undefined }));
    };
    const submit = async (/** @type {Event | undefined} */ event) => {
        event?.preventDefault();
        if (pending.current) {
            return;
        }
        const form = /** @type {HTMLFormElement | undefined} */ (event?.currentTarget ?? undefined);
        const given = /** @type {Record<string, any>} */ (newest.current);
        const found = check?.(given) ?? {};
        setErrors(found);
        setProblem(null);
        const isUntouched = () => newest.current === given;
        if (Object.values(found).some(Boolean)) {
            focusFirstWrong(form, isUntouched);
            return;
        }
        pending.current = true;
        setPending(true);
        try {
            await send(given);
        } catch (thrown) {
            const refused = problemOf(thrown);
            const named = Object.entries(refused.fields).map(([name, text]) => /** @type {const} */ ([nameHere(name, called), text]));
            const known = Object.fromEntries(named.filter(([name]) => name in given));
            setErrors(known);
            setProblem(Object.keys(known).length > 0 ? null : refused);
            focusFirstWrong(form, isUntouched);
        } finally {
            pending.current = false;
            setPending(false);
        }
    };
    const reset = (/** @type {Record<string, any>} */ fresh) => {
        newest.current = fresh;
        setValues(fresh);
        setErrors({});
        setProblem(null);
    };
    const field = (/** @type {string} */ name) => ({
        name,
        value: values[name],
        wrong: errors[name],
        onValue: (/** @type {any} */ value) => set(name, value),
    });
    return { values, errors, problem, isPending, set, reset, submit, field };
}

/**
 * Return what a form calls a field of the server's, or the field that it is a part of.
 *
 * @param {string} name such as "ticket_types.0.tiers.1.name"
 * @param {Record<string, string>} called
 */
function nameHere(name, called) {
    for (let path = name; path; path = path.slice(0, Math.max(0, path.lastIndexOf(".")))) {
        const here = called[path];
        if (here !== undefined) {
            return here;
        }
    }
    return name;
}

/**
 * @param {HTMLFormElement | undefined} form
 * @param {() => boolean} isUntouched who types on meanwhile keeps the focus: the rest of the word would go elsewhere
 */
function focusFirstWrong(form, isUntouched) {
    // After the redraw that marks the fields.
    requestAnimationFrame(() =>
        requestAnimationFrame(() => {
            if (!isUntouched()) {
                return;
            }
            const wrong = /** @type {HTMLElement | null | undefined} */ (form?.querySelector('[aria-invalid="true"]'));
            (wrong ?? /** @type {HTMLElement | null | undefined} */ (form?.querySelector(".form-problem")))?.focus();
        }),
    );
}

/**
 * @param {{form: Form, children?: Child, label?: string, class?: string}} given
 * @returns {Child}
 */
export function FormBox({ form, children, label, class: name = "" }) {
    return html`
        <form class=${`form ${name}`} noValidate onSubmit=${form.submit} aria-label=${label}>
            <${FormProblem} problem=${form.problem} />
            ${children}
        </form>
    `;
}

/**
 * @param {{problem: Problem | null}} given
 * @returns {Child}
 */
export function FormProblem({ problem }) {
    return html`<div role="alert" class="notice-place">
        ${problem && html`<div class="notice form-problem" data-tone="danger" tabindex="-1"><p>${problem.text}</p></div>`}
    </div>`;
}

/**
 * @typedef {object} FieldProps
 * @property {string} name
 * @property {Child} label
 * @property {string} [id]
 * @property {string} [hint]
 * @property {string} [wrong]
 * @property {boolean} [isOptional] said beside the label: what is not said to be optional is needed
 */

/**
 * A control of any kind with what belongs to it.
 *
 * @param {FieldProps & {children: (given: {id: string, "aria-describedby": string | undefined, "aria-invalid": boolean, "aria-required": boolean}) => Child}} given
 * @returns {Child}
 */
export function Field({ name, label, id = `field-${name}`, hint, wrong, isOptional = false, children }) {
    const described = [hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" ");
    return html`
        <div class="field" data-name=${name} data-wrong=${Boolean(wrong)}>
            <label for=${id}>${label}${isOptional && html` <span class="field-optional">${t("shared.optional")}</span>`}</label>
            ${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}
            ${children({ id, "aria-describedby": described, "aria-invalid": Boolean(wrong), "aria-required": !isOptional })}
            <p class="field-wrong" id=${`${id}-wrong`} aria-live="polite">${wrong ?? ""}</p>
        </div>
    `;
}

const OF_DIGITS = new Set(["numeric", "decimal"]);

/**
 * One line of text, or whatever `type` makes of it. Other properties go to the input as they are. Where digits are asked
 * for, Arabic-Indic ones are as good as any: phones have them on their keys.
 *
 * @param {FieldProps & {value: any, onValue: (value: string) => void, type?: string, before?: string, after?: string, [other: string]: any}} given
 * @returns {Child}
 */
export function TextField({ name, label, id, hint, wrong, isOptional, value, onValue, type = "text", before, after, ...others }) {
    const typed = (/** @type {InputEvent} */ event) => {
        const { value: text } = /** @type {HTMLInputElement} */ (event.currentTarget);
        onValue(OF_DIGITS.has(others["inputmode"]) ? western(text) : text);
    };
    const input = (/** @type {Record<string, unknown>} */ tied) => html`<input
        ...${others}
        ...${tied}
        name=${name}
        type=${type}
        value=${value ?? ""}
        onInput=${typed}
    />`;
    return html`<${Field} name=${name} label=${label} id=${id} hint=${hint} wrong=${wrong} isOptional=${isOptional}>
        ${(/** @type {Record<string, unknown>} */ tied) =>
            before || after
                ? html`<div class="field-affix" data-side=${after ? "end" : "start"}><span aria-hidden="true">${before ?? after}</span>${input(tied)}</div>`
                : input(tied)}
    <//>`;
}

/**
 * @param {FieldProps & {value: any, onValue: (value: string) => void, rows?: number, [other: string]: any}} given
 * @returns {Child}
 */
export function TextArea({ name, label, id, hint, wrong, isOptional, value, onValue, ...others }) {
    return html`<${Field} name=${name} label=${label} id=${id} hint=${hint} wrong=${wrong} isOptional=${isOptional}>
        ${(/** @type {Record<string, unknown>} */ tied) => html`<textarea
            ...${others}
            ...${tied}
            name=${name}
            value=${value ?? ""}
            onInput=${(/** @type {InputEvent} */ event) => onValue(/** @type {HTMLTextAreaElement} */ (event.currentTarget).value)}
        ></textarea>`}
    <//>`;
}

/**
 * @param {FieldProps & {value: any, onValue: (value: string) => void, options: {value: string, label: string}[], [other: string]: any}} given
 * @returns {Child}
 */
export function Select({ name, label, id, hint, wrong, isOptional, value, onValue, options, ...others }) {
    return html`<${Field} name=${name} label=${label} id=${id} hint=${hint} wrong=${wrong} isOptional=${isOptional}>
        ${(/** @type {Record<string, unknown>} */ tied) => html`<select
            ...${others}
            ...${tied}
            name=${name}
            value=${value ?? ""}
            onChange=${(/** @type {Event} */ event) => onValue(/** @type {HTMLSelectElement} */ (event.currentTarget).value)}
        >
            ${options.map((one) => html`<option value=${one.value} selected=${one.value === (value ?? "")}>${one.label}</option>`)}
        </select>`}
    <//>`;
}

/**
 * @param {{name: string, label: string, hint?: string, value: boolean, onValue: (value: boolean) => void, [other: string]: any}} given
 * @returns {Child}
 */
export function Checkbox({ name, label, hint, value, onValue, wrong: _, ...others }) {
    const id = `field-${name}`;
    return html`
        <div class="field" data-name=${name}>
            <label class="choice">
                <input
                    ...${others}
                    id=${id}
                    name=${name}
                    type="checkbox"
                    checked=${Boolean(value)}
                    aria-describedby=${hint && `${id}-hint`}
                    onChange=${(/** @type {Event} */ event) => onValue(/** @type {HTMLInputElement} */ (event.currentTarget).checked)}
                />
                <span>${label}</span>
                ${hint && html`<span class="field-hint" id=${`${id}-hint`}>${hint}</span>`}
            </label>
        </div>
    `;
}

/**
 * One of a few, all of them seen.
 *
 * @param {FieldProps & {value: any, onValue: (value: string) => void, kind?: "list" | "cards", options: {value: string, label: string, hint?: string}[]}} given
 * @returns {Child}
 */
export function Choices({ name, label, id = `field-${name}`, hint, wrong, value, onValue, options, kind = "list" }) {
    return html`
        <fieldset class="field" data-name=${name} data-wrong=${Boolean(wrong)} aria-describedby=${[hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" ")}>
            <legend>${label}</legend>
            ${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}
            <div class="choices" data-kind=${kind}>
                ${options.map(
                    (one) => html`<label class="choice">
                        <input type="radio" name=${name} value=${one.value} checked=${one.value === value} onChange=${() => onValue(one.value)} />
                        <span>${one.label}</span>
                        ${one.hint && html`<span class="field-hint">${one.hint}</span>`}
                    </label>`,
                )}
            </div>
            <p class="field-wrong" id=${`${id}-wrong`}>${wrong ?? ""}</p>
        </fieldset>
    `;
}

/**
 * Any of several, all of them seen. `kind` is a class that lays them out.
 *
 * @param {{id: string, label: string, hint?: string, wrong?: string, value: readonly any[], onValue: (value: any[]) => void, options: {value: any, label: Child}[], kind?: string}} given
 * @returns {Child}
 */
export function Checkboxes({ id, label, hint, wrong, value, onValue, options, kind = "" }) {
    const toggled = (/** @type {any} */ one) => onValue(value.includes(one) ? value.filter((other) => other !== one) : [...value, one]);
    return html`<fieldset class="field" data-wrong=${Boolean(wrong)} aria-describedby=${[hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" ")}>
        <legend>${label}</legend>
        ${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}
        <div class=${`choices ${kind}`}>
            ${options.map(
                (one) => html`<label class="choice" key=${one.value}>
                    <input type="checkbox" checked=${value.includes(one.value)} aria-invalid=${Boolean(wrong)} onChange=${() => toggled(one.value)} />
                    <span>${one.label}</span>
                </label>`,
            )}
        </div>
        <p class="field-wrong" id=${`${id}-wrong`} aria-live="polite">${wrong ?? ""}</p>
    </fieldset>`;
}

/**
 * The button that sends a form. It stays where it is and keeps the focus while the form is under way.
 *
 * @param {{form: Form, children?: Child, kind?: string}} given
 * @returns {Child}
 */
export function SubmitButton({ form, children, kind = "button-main" }) {
    return html`<button type="submit" class=${`button ${kind}`} aria-disabled=${form.isPending} aria-busy=${form.isPending}>${children}</button>`;
}

/**
 * A button that does something that takes a moment. What it throws is shown by `onProblem`.
 *
 * @param {{onPress: () => Promise<unknown>, children?: Child, kind?: string, tone?: string, onProblem?: (problem: Problem) => void, isDisabled?: boolean, [other: string]: any}} given
 * @returns {Child}
 */
export function ActionButton({ onPress, children, kind = "button-quiet", tone, onProblem, isDisabled = false, ...others }) {
    const [isPending, setPending] = useState(false);
    const press = async () => {
        if (isPending || isDisabled) {
            return;
        }
        setPending(true);
        try {
            await onPress();
        } catch (thrown) {
            onProblem?.(problemOf(thrown));
        } finally {
            setPending(false);
        }
    };
    return html`<button
        ...${others}
        type="button"
        class=${`button ${kind}`}
        data-tone=${tone}
        aria-disabled=${isPending || isDisabled}
        aria-busy=${isPending}
        onClick=${press}
    >
        ${children}
    </button>`;
}
