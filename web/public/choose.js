// Choosing tickets: the countdown to the opening, the types with what is left of them, quantities, the button.
import { minorOf } from "../shared/amounts.js";
import { calendarDays, count, longDate, money, paddedCount, parts, percent, plainAmount, timeOfDay, zoneName } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { language, rich, t } from "../shared/i18n.js";
import { Codes } from "./codes.js";
import { NoticeBox, WaitingLine, price } from "./parts.js";
import { FEW_LEFT } from "./sale.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./sale.js").Sale} Sale */
/** @typedef {import("./sale.js").TicketTypeData} TicketTypeData */
/** @typedef {import("./basket.js").Basket} Basket */
/** @typedef {import("./checkout.js").Checkout} Checkout */
/** @typedef {{sale: Sale, basket: Basket, checkout: Checkout, isOnline: boolean}} Given */

/**
 * @param {Given} given
 * @returns {Child}
 */
export function Choose({ sale, basket, checkout, isOnline }) {
    const notice = checkout.notice.value;
    const most = notice?.most;
    return html`
        <${StageLine} sale=${sale} />
        <${NoticeBox} notice=${notice} onClose=${() => (checkout.notice.value = null)}>
            ${most !== undefined &&
            most > 0 &&
            html`<button type="button" class="button button-quiet" onClick=${() => takeWhatIsLeft(sale, basket, checkout, most)}>
                ${t("event.take_instead", { count: most })}
            </button>`}
        <//>
        <ul class="types">
            ${sale.types.value.map((type) => html`<${TypeRow} key=${type.ticket_type} type=${type} sale=${sale} basket=${basket} />`)}
        </ul>
        ${!["closed", "draft"].includes(sale.stage.value) && html`<${Codes} sale=${sale} checkout=${checkout} />`}
        <${ReserveBar} sale=${sale} basket=${basket} checkout=${checkout} isOnline=${isOnline} />
    `;
}

/**
 * Choose as many as can be had, first types first, and reserve them.
 *
 * @param {Sale} sale
 * @param {Basket} basket
 * @param {Checkout} checkout
 * @param {number} most
 */
function takeWhatIsLeft(sale, basket, checkout, most) {
    let left = most;
    /** @type {Record<string, number>} */
    const chosen = {};
    for (const type of sale.types.peek()) {
        const wanted = basket.record.peek().chosen[type.ticket_type] ?? 0;
        const taken = Math.min(wanted, left);
        if (taken >= type.quantity_min && taken > 0) {
            chosen[type.ticket_type] = taken;
            left -= taken;
        }
    }
    basket.update({ chosen });
    checkout.reserve();
}

/**
 * @param {{sale: Sale}} given
 * @returns {Child}
 */
function StageLine({ sale }) {
    const stage = sale.stage.value;
    // Once it has shown the countdown, this place keeps its height: at the opening nothing may move under the fingers.
    const [isTall, setTall] = useState(stage === "before");
    if (stage === "before") {
        if (!isTall) {
            setTall(true);
        }
        return html`<${OpeningCountdown} sale=${sale} />`;
    }
    if (sale.isCancelled.value) {
        return html`<${Cancelled} reason=${sale.event.cancelled_reason} />`;
    }
    const tone = TONES[stage];
    return html`
        <div class="stage" data-tone=${tone} data-tall=${isTall}>
            <h2 class="stage-title"><span class="stage-dot" aria-hidden="true"></span>${t(`event.stage.${stage}`)}</h2>
            <p class="stage-text">${t(`event.stage.${stage}_text`)}</p>
        </div>
    `;
}

/**
 * @param {{reason: string}} given what the organiser says of it, "" for nothing
 * @returns {Child}
 */
function Cancelled({ reason }) {
    return html`
        <div class="stage" data-tone="warn">
            <h2 class="stage-title"><span class="stage-dot" aria-hidden="true"></span>${t("event.stage.cancelled")}</h2>
            <p class="stage-text">${t("event.stage.cancelled_text")}</p>
            ${reason && html`<p>${rich("event.stage.cancelled_reason", { reason: html`<bdi>${reason}</bdi>` })}</p>`}
        </div>
    `;
}

/** @type {Record<Exclude<import("./sale.js").Stage, "before">, string>} */
const TONES = { draft: "warn", unannounced: "calm", open: "good", sold_out: "warn", paused: "warn", closed: "calm" };

const twoDigits = new Intl.NumberFormat(language, { minimumIntegerDigits: 2 });

/**
 * @param {{sale: Sale}} given
 * @returns {Child}
 */
function OpeningCountdown({ sale }) {
    const { time_zone: zone } = sale.event;
    const opensAt = sale.opensAt.value;
    const { days, hours, minutes, seconds } = parts(Math.max(0, Math.ceil((opensAt - sale.time.value) / 1000)));
    const shown = [
        ...(days > 0 ? [[days, "day"]] : []),
        [hours, "hour"],
        [minutes, "minute"],
        [seconds, "second"],
    ];
    return html`
        <div class="stage" data-tone="calm" data-tall="true">
            <h2 class="stage-title"><span class="stage-dot" aria-hidden="true"></span>${t("event.opens_in")}</h2>
            <div class="countdown" role="timer" aria-label=${t("event.time_to_opening")}>
                ${shown.map(
                    ([value, unit]) => html`
                        <span class="countdown-part"><b>${twoDigits.format(Number(value))}</b> <small>${t(`event.unit.${unit}`, { count: value })}</small></span>
                    `,
                )}
            </div>
            <p class="stage-text">
                ${t("event.opens_at", { date: longDate(opensAt, zone), time: timeOfDay(opensAt, zone), zone: zoneName(opensAt, zone) })}
            </p>
        </div>
    `;
}

/**
 * @param {{type: TicketTypeData, sale: Sale, basket: Basket}} given
 * @returns {Child}
 */
function TypeRow({ type, sale, basket }) {
    const { chosen } = basket.record.value;
    const quantity = chosen[type.ticket_type] ?? 0;
    const others = Object.entries(chosen).reduce((sum, [id, one]) => (id === type.ticket_type ? sum : sum + one), 0);
    const available = sale.availability(type.ticket_type);
    // A type that the live state does not have was retired since the page was opened.
    const isRetired = available === undefined && sale.state.value !== null;
    const isGone = isRetired || available?.free === 0 || available?.is_on_sale === false || sale.stage.value === "closed";
    const most = isGone ? 0 : sale.most(type, others);
    const set = (/** @type {number} */ value) => basket.update({ chosen: { ...basket.record.peek().chosen, [type.ticket_type]: value } });
    return html`
        <li class="type" data-gone=${isGone}>
            <div class="type-text">
                <h3><bdi>${type.name}</bdi></h3>
                ${type.description && html`<p class="type-description"><bdi>${type.description}</bdi></p>`}
                ${available?.price_min_minor == null
                    ? html`<p class="type-price">${price(available?.price_minor ?? type.price_minor, sale.event.currency)}</p>`
                    : html`<${OwnPrice} type=${type} least=${available.price_min_minor} sale=${sale} basket=${basket} />`}
                <${TierNote} available=${available} sale=${sale} />
                ${type.tax_basis_points > 0 &&
                (available?.price_minor ?? type.price_minor) > 0 &&
                html`<p class="type-tier">${t("event.tax_included", { percent: percent(type.tax_basis_points) })}</p>`}
                ${type.valid_days.length > 0 && html`<p class="type-days">${t("event.valid_on", { days: calendarDays(type.valid_days) })}</p>`}
            </div>
            <div class="type-side">
                <${Left} available=${available} widest=${sale.widest.get(type.ticket_type) ?? 0} stage=${sale.stage.value} />
                <${Stepper} name=${type.name} quantity=${quantity} least=${type.quantity_min} most=${most} isHidden=${isGone && quantity === 0} onChange=${set} />
            </div>
        </li>
    `;
}

/**
 * The buyer names the price.
 *
 * @param {{type: TicketTypeData, least: number, sale: Sale, basket: Basket}} given
 * @returns {Child}
 */
function OwnPrice({ type, least, sale, basket }) {
    const { currency } = sale.event;
    const [text, setText] = useState(plainAmount(sale.price(type, basket.record.peek().named), currency));
    const id = `price-${type.ticket_type}`;
    const minor = minorOf(text, currency);
    const isWrong = minor === null || minor < least;
    const change = (/** @type {string} */ value) => {
        setText(value);
        const named = minorOf(value, currency);
        if (named !== null && named >= least) {
            basket.update({ named: { ...basket.record.peek().named, [type.ticket_type]: named } });
        }
    };
    return html`
        <div class="own-price">
            <label for=${id}>${t("event.own_price", { currency })}</label>
            <input id=${id} value=${text} inputmode="decimal" maxlength="14" autocomplete="off" aria-invalid=${isWrong} aria-describedby=${`${id}-least`}
                onInput=${(/** @type {InputEvent} */ input) => change(/** @type {HTMLInputElement} */ (input.currentTarget).value)} />
            <p id=${`${id}-least`} data-wrong=${isWrong}>${t("event.own_price_least", { amount: money(least, currency) })}</p>
        </div>
    `;
}

/**
 * Until when, and for how many, a price holds.
 *
 * @param {{available: import("./sale.js").TypeAvailability | undefined, sale: Sale}} given
 * @returns {Child}
 */
function TierNote({ available, sale }) {
    const until = available?.tier_until_ms;
    const left = available?.tier_left;
    if (until == null && left == null) {
        return null;
    }
    const zone = sale.event.time_zone;
    return html`
        <p class="type-tier">
            ${left != null && html`<span>${t("event.tier_left", { count: left })}</span>`}
            ${until != null && html`<span>${t("event.tier_until", { date: longDate(until, zone), time: timeOfDay(until, zone) })}</span>`}
        </p>
    `;
}

/**
 * How many are left. Not a live region of its own: `event.js` says aloud what matters, when it matters.
 *
 * @param {{available: import("./sale.js").TypeAvailability | undefined, widest: number, stage: string}} given
 * @returns {Child}
 */
function Left({ available, widest, stage }) {
    if (stage === "closed" || stage === "draft") {
        return null;
    }
    if (!available) {
        return html`<p class="left" data-level="unknown"><span class="left-count">…</span></p>`;
    }
    if (available.free === 0) {
        return html`<p class="left" data-level="none"><span class="left-tag">${t("event.sold_out")}</span></p>`;
    }
    if (!available.is_on_sale && stage !== "before") {
        return html`<p class="left" data-level="off"><span class="left-tag">${t("event.not_on_sale")}</span></p>`;
    }
    const isFew = available.free <= FEW_LEFT;
    return html`<p class="left" data-level=${isFew ? "few" : "many"}>
        ${isFew && html`<span class="left-tag">${t("event.last_few")}</span>`}
        <span class="left-count">${t("event.left", { count: paddedCount(available.free, widest) })}</span>
    </p>`;
}

/**
 * @param {{name: string, quantity: number, least: number, most: number, isHidden: boolean, onChange: (value: number) => void}} given
 * @returns {Child}
 */
function Stepper({ name, quantity, least, most, isHidden, onChange }) {
    // A type that is sold from 2 upwards goes 0, 2, 3 and back.
    const less = quantity <= least ? 0 : quantity - 1;
    const more = quantity === 0 ? least : quantity + 1;
    const canLess = quantity > 0;
    const canMore = more <= most;
    // aria-disabled instead of disabled: a button that disables itself under the finger would throw the focus away.
    return html`
        <div class="stepper" role="group" aria-label=${t("event.quantity_of", { name })} data-hidden=${isHidden}>
            <button type="button" aria-label=${t("event.one_fewer", { name })} aria-disabled=${!canLess} onClick=${() => canLess && onChange(less)}>
                <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M4 10h12" /></svg>
            </button>
            <output aria-live="polite" aria-label=${t("event.chosen", { count: quantity })}>${count(quantity)}</output>
            <button type="button" aria-label=${t("event.one_more", { name })} aria-disabled=${!canMore} onClick=${() => canMore && onChange(more)}>
                <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M4 10h12M10 4v12" /></svg>
            </button>
        </div>
    `;
}

/**
 * @param {Given} given
 * @returns {Child}
 */
function ReserveBar({ sale, basket, checkout, isOnline }) {
    const { chosen, named, reservation } = basket.record.value;
    const stage = sale.stage.value;
    const lines = sale.types.value.map((type) => ({
        quantity: chosen[type.ticket_type] ?? 0,
        unit: sale.price(type, named),
    }));
    const quantity = lines.reduce((sum, line) => sum + line.quantity, 0);
    const amount = lines.reduce((sum, line) => sum + line.quantity * line.unit, 0);
    const isPlacing = reservation !== null || checkout.action.value === "reserving";
    const canReserve = quantity > 0 && stage === "open" && !isPlacing;
    const limit = sale.event.buyer_limit;
    return html`
        <div class="reserve-bar" data-sticky=${quantity > 0}>
            <p class="reserve-sum">
                <span>${quantity > 0 ? t("shared.tickets", { count: quantity }) : t("event.up_to", { count: limit })}</span>
                ${quantity > 0 && html`<strong>${price(amount, sale.event.currency)}</strong>`}
            </p>
            <button
                type="button"
                class="button button-main"
                aria-disabled=${!canReserve}
                aria-busy=${isPlacing}
                onClick=${() => canReserve && checkout.reserve()}
            >
                ${reserveLabel(stage, isPlacing, quantity, isOnline)}
            </button>
            <${WaitingLine} ahead=${checkout.ahead.value} />
        </div>
    `;
}

/**
 * @param {string} stage
 * @param {boolean} isPlacing
 * @param {number} quantity
 * @param {boolean} isOnline
 */
function reserveLabel(stage, isPlacing, quantity, isOnline) {
    if (isPlacing) {
        return isOnline ? t("event.reserving") : t("event.waiting_connection");
    }
    if (stage === "open") {
        return quantity > 0 ? t("event.reserve") : t("event.choose");
    }
    return t(`event.button.${stage}`);
}
