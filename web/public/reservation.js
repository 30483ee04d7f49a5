// A reservation: what is held, for how much longer, paying for it, giving it back.
import { count, countdown, money, spoken } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { TEST_CARDS, digitsOf, groupExpiry, groupNumber, problems, tokenOf } from "./cards.js";
import { NoticeBox, StepHeading, WaitingLine, price } from "./parts.js";
import { QuestionFields } from "./questions.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./basket.js").Reservation} Reservation */
/** @typedef {import("./cards.js").CardFields} CardFields */
/** @typedef {import("./cards.js").FieldName} FieldName */
/** @typedef {import("./checkout.js").Checkout} Checkout */
/** @typedef {import("./sale.js").Sale} Sale */

export const EXPIRING_MS = 60_000;
const FREE_TOKEN = "card_ok";

/**
 * @param {{reservation: Reservation, isPaying: boolean, isFocused: boolean, sale: Sale, checkout: Checkout, isOnline: boolean}} given
 * @returns {Child}
 */
export function ReservationPanel({ reservation, isPaying, isFocused, sale, checkout, isOnline }) {
    const quantity = reservation.held.reduce((sum, line) => sum + line.quantity, 0);
    return html`
        <section class="reservation" aria-labelledby="reservation-heading">
            <${StepHeading} id="reservation-heading" isFocused=${isFocused}>
                ${t("event.reserved", { count: quantity })}
            <//>
            <${TimeLeft} reservation=${reservation} isPaying=${isPaying} sale=${sale} checkout=${checkout} />
            <${NoticeBox} notice=${checkout.notice.value} onClose=${() => (checkout.notice.value = null)} />
            <ul class="lines">
                ${reservation.held.map(
                    (line) => html`
                        <li>
                            <span>${count(line.quantity)} × <bdi>${sale.type(line.ticket_type)?.name ?? t("event.ticket")}</bdi></span>
                            <span>${price(line.quantity * (line.list_price_minor ?? line.unit_price_minor), reservation.currency)}</span>
                        </li>
                    `,
                )}
                ${reservation.discount_minor > 0 &&
                html`<li class="lines-discount">
                    <span>${t("event.discount")}</span>
                    <span>${money(-reservation.discount_minor, reservation.currency)}</span>
                </li>`}
                <li class="lines-total">
                    <span>${t("event.total")}</span>
                    <strong>${price(reservation.amount_minor, reservation.currency)}</strong>
                </li>
            </ul>
            <${TaxNote} reservation=${reservation} sale=${sale} />
            <${PaymentForm} reservation=${reservation} isPaying=${isPaying} sale=${sale} checkout=${checkout} isOnline=${isOnline} />
            ${isPaying
                ? html`<p class="payment-note">${t("event.paid_once")}</p>`
                : html`<button type="button" class="button button-text" onClick=${() => checkout.release()}>${t("event.give_back")}</button>`}
        </section>
    `;
}

/**
 * How much of the total is tax: it is in the prices, and adds nothing.
 *
 * @param {{reservation: Reservation, sale: Sale}} given
 * @returns {Child}
 */
function TaxNote({ reservation, sale }) {
    const taxes = reservation.held.map((line) => {
        const rate = sale.type(line.ticket_type)?.tax_basis_points ?? 0;
        return Math.round((line.quantity * line.unit_price_minor * rate) / (10_000 + rate));
    });
    const tax = taxes.reduce((sum, one) => sum + one, 0);
    return tax > 0 && html`<p class="lines-note">${t("event.tax_in_total", { amount: money(tax, reservation.currency) })}</p>`;
}

/**
 * @param {{reservation: Reservation, isPaying: boolean, sale: Sale, checkout: Checkout}} given
 * @returns {Child}
 */
function TimeLeft({ reservation, isPaying, sale, checkout }) {
    const left = Math.max(0, reservation.expires_at_ms - sale.time.value);
    const whole = Math.max(1, reservation.expires_at_ms - reservation.started_at_ms);
    const isExpiring = left <= EXPIRING_MS;
    return html`
        <div class="time-left" data-expiring=${isExpiring}>
            <div class="time-left-text">
                <p>${isExpiring ? t("event.expiring") : t("event.yours_for")}</p>
                <p class="time-left-figure" role="timer" aria-label=${t("event.time_left", { time: spoken(left) })}>${countdown(Math.floor(left / 1000) * 1000)}</p>
            </div>
            <div class="time-bar" aria-hidden="true"><span style=${{ transform: `scaleX(${Math.min(1, left / whole)})` }}></span></div>
            ${sale.event.extension_seconds > 0 && html`<div class="time-left-more">
                ${reservation.is_extended
                    ? html`<p>${t("event.extended")}</p>`
                    : html`
                          <p>${t("event.can_extend")}</p>
                          <button
                              type="button"
                              class="button button-quiet"
                              aria-disabled=${isPaying || checkout.action.value !== null}
                              onClick=${() => checkout.extend()}
                          >
                              ${checkout.action.value === "extending" ? t("event.extending") : t("event.extend")}
                          </button>
                      `}
            </div>`}
        </div>
    `;
}

/** @type {CardFields} */
const NO_CARD = { number: "", expiry: "", cvc: "" };

/**
 * @param {{reservation: Reservation, isPaying: boolean, sale: Sale, checkout: Checkout, isOnline: boolean}} given
 * @returns {Child}
 */
function PaymentForm({ reservation, isPaying, sale, checkout, isOnline }) {
    const [fields, setFields] = useState(NO_CARD);
    const [wrong, setWrong] = useState(/** @type {Partial<Record<FieldName, string>>} */ ({}));
    const isFree = reservation.amount_minor === 0;
    const submit = (/** @type {SubmitEvent} */ submitted) => {
        submitted.preventDefault();
        const found = isFree ? {} : problems(fields, checkout.clock.now());
        setWrong(found);
        const card = /** @type {FieldName[]} */ (["number", "expiry", "cvc"]).find((name) => found[name]);
        const first = checkout.questions.check(reservation.held) ?? (card && `card-${card}`);
        if (first) {
            document.getElementById(first)?.focus();
        } else if (!isPaying) {
            checkout.pay(isFree ? FREE_TOKEN : String(tokenOf(fields.number)));
        }
    };
    const change = (/** @type {FieldName} */ name, /** @type {string} */ value) => {
        setFields({ ...fields, [name]: value });
        setWrong({ ...wrong, [name]: undefined });
    };
    return html`
        <form class="payment" noValidate onSubmit=${submit} aria-label=${t("event.payment")}>
            <${QuestionFields} questions=${checkout.questions} held=${reservation.held} sale=${sale} isPaying=${isPaying} />
            ${!isFree && html`<${Sandbox} onUse=${(/** @type {CardFields} */ card) => (setFields(card), setWrong({}))} />`}
            ${!isFree &&
            html`
                <div class="card-fields">
                    <${Field} name="number" label=${t("event.card.number")} value=${fields.number} wrong=${wrong.number} isDisabled=${isPaying}
                        autocomplete="cc-number" onValue=${(/** @type {string} */ value) => change("number", groupNumber(value))} />
                    <${Field} name="expiry" label=${t("event.card.expiry")} hint=${t("event.card.expiry_hint")} value=${fields.expiry} wrong=${wrong.expiry} isDisabled=${isPaying}
                        autocomplete="cc-exp" onValue=${(/** @type {string} */ value) => change("expiry", groupExpiry(value, value.length < fields.expiry.length))} />
                    <${Field} name="cvc" label=${t("event.card.cvc")} hint=${t("event.card.cvc_hint")} value=${fields.cvc} wrong=${wrong.cvc} isDisabled=${isPaying}
                        autocomplete="cc-csc" onValue=${(/** @type {string} */ value) => change("cvc", digitsOf(value).slice(0, 4))} />
                </div>
            `}
            <${NoticeBox} notice=${checkout.paymentNotice.value} />
            <button type="submit" class="button button-main" aria-disabled=${isPaying} aria-busy=${isPaying}>
                ${payLabel(reservation, isPaying, isOnline)}
            </button>
            <${WaitingLine} ahead=${checkout.ahead.value} />
        </form>
    `;
}

/**
 * @param {Reservation} reservation
 * @param {boolean} isPaying
 * @param {boolean} isOnline
 */
function payLabel(reservation, isPaying, isOnline) {
    if (isPaying) {
        return isOnline ? t("event.paying") : t("event.waiting_connection");
    }
    return reservation.amount_minor === 0 ? t("event.get_tickets") : t("event.pay", { amount: money(reservation.amount_minor, reservation.currency) });
}

/**
 * @param {{onUse: (card: CardFields) => void}} given
 * @returns {Child}
 */
function Sandbox({ onUse }) {
    return html`
        <fieldset class="sandbox">
            <legend>${t("event.sandbox.title")}</legend>
            <p>${t("event.sandbox.text")}</p>
            <ul>
                ${TEST_CARDS.map(
                    (card) => html`
                        <li>
                            <button type="button" class="chip" onClick=${() => onUse({ number: card.number, expiry: "12 / 34", cvc: "123" })}>
                                <span class="chip-number">•••• ${card.number.slice(-4)}</span> ${t(card.effect)}
                            </button>
                        </li>
                    `,
                )}
            </ul>
        </fieldset>
    `;
}

/**
 * @param {{name: FieldName, label: string, hint?: string, value: string, wrong?: string, isDisabled: boolean, autocomplete: string, onValue: (value: string) => void}} given
 * @returns {Child}
 */
function Field({ name, label, hint, value, wrong, isDisabled, autocomplete, onValue }) {
    const id = `card-${name}`;
    return html`
        <div class="field" data-name=${name} data-wrong=${Boolean(wrong)}>
            <label for=${id}>${label}</label>
            <input
                id=${id}
                name=${name}
                value=${value}
                placeholder=${name === "number" ? "0000 0000 0000 0000" : hint}
                inputmode="numeric"
                autocomplete=${autocomplete}
                required
                readOnly=${isDisabled}
                aria-invalid=${Boolean(wrong)}
                aria-describedby=${`${id}-wrong`}
                onInput=${(/** @type {InputEvent} */ input) => onValue(/** @type {HTMLInputElement} */ (input.currentTarget).value)}
            />
            <p class="field-wrong" id=${`${id}-wrong`}>${wrong ?? ""}</p>
        </div>
    `;
}
