// Orders of an event: what was bought, and what buyers answered. The list names nobody; answers are looked at one order
// at a time, because each look is written down, and so is each time that the people are taken along as a file.
import { file, get, problemOf } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { save } from "../shared/files.js";
import { moment, money } from "../shared/formats.js";
import { ActionButton } from "../shared/forms.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { withStepUp } from "../shared/page.js";
import { Badge, Empty, Panel, Table } from "../shared/parts.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { toast } from "../shared/toasts.js";
import { More, useList } from "../shared/list.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{order: string, state: string, failure: string, amount_minor: number, currency: string, created_at_ms: number, ticket_count: number, answer_count: number}} Order */
/** @typedef {{question: string, label: string, ticket: number | null, ticket_type: string | null, text: string | null}} Answer */

// What is under way for a moment is one thing to those who organise.
/** @type {Record<string, "good" | "bad" | "open">} */
const OUTCOMES = { sold: "good", paid: "good", failed: "bad", cancelled: "bad" };
/** @type {Record<string, import("../shared/parts.js").Tone>} */
const TONES = { good: "good", bad: "calm", open: "calm" };

const tell = (/** @type {unknown} */ thrown) => toast(problemOf(thrown).text);

/**
 * @param {{place: import("./frame.js").Place, path: string, event: import("./editor.js").EventDocument}} given
 * @returns {Child}
 */
export function EventOrders({ place, path, event }) {
    // Who buys is known to the organisation that sells, whoever else works on the event.
    const isSeller = event.organisation === place.id;
    const maySeePeople = isSeller && place.may("people.read", event.event);
    const mayExport = isSeller && place.may("people.export", event.event);
    const [shown, setShown] = useState(/** @type {Order | null} */ (null));
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Order>>} */ (get(`${path}/orders`, { cursor })));
    const columns = [
        { name: t("organizer.orders.when"), cell: (/** @type {Order} */ one) => moment(one.created_at_ms) },
        { name: t("organizer.orders.tickets"), cell: (/** @type {Order} */ one) => one.ticket_count, isNumber: true },
        { name: t("organizer.orders.amount"), cell: (/** @type {Order} */ one) => money(one.amount_minor, one.currency), isNumber: true },
        {
            name: t("organizer.orders.state"),
            cell: (/** @type {Order} */ one) => html`<${Badge} tone=${TONES[OUTCOMES[one.state] ?? "open"]}>${t(`organizer.orders.${OUTCOMES[one.state] ?? "open"}`)}<//>`,
        },
        {
            name: "",
            cell: (/** @type {Order} */ one) =>
                maySeePeople &&
                one.answer_count > 0 &&
                html`<button type="button" class="button button-plain" onClick=${() => setShown(one)}>${t("organizer.orders.show", { count: one.answer_count })}</button>`,
        },
    ];
    return html`
        <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${3} />`}>
            ${(/** @type {import("../shared/list.js").Part<Order>} */ found) =>
                found.items.length === 0
                    ? html`<${Empty} title=${t("organizer.orders.none")} text=${t("organizer.orders.none_text")} />`
                    : html`<${Panel} id="orders" title=${t("organizer.editor.orders")}>
                          <${Table} label=${t("organizer.editor.orders")} columns=${columns} rows=${found.items} keyOf=${(/** @type {Order} */ one) => one.order} />
                          <${More} list=${list} />
                          ${mayExport && html`<${Export} path=${path} />`}
                      <//>`}
        <//>
        ${shown && html`<${Answers} path=${path} order=${shown} onClose=${() => setShown(null)} />`}
    `;
}

/**
 * The people who come, as a file.
 *
 * @param {{path: string}} given
 * @returns {Child}
 */
function Export({ path }) {
    const take = async () => {
        const found = await withStepUp(() => file(`${path}/attendees.csv`));
        if (found) {
            save(found.name, found.content);
            toast(t("organizer.orders.exported"));
        }
    };
    return html`<p class="quiet">${t("organizer.orders.export_text")}</p>
        <div class="form-actions"><${ActionButton} onPress=${take} onProblem=${tell}>${t("organizer.orders.export")}<//></div>`;
}

/**
 * @param {{path: string, order: Order, onClose: () => void}} given
 * @returns {Child}
 */
function Answers({ path, order, onClose }) {
    const answers = useResource(async () => /** @type {{answers: Answer[]}} */ (await get(`${path}/orders/${order.order}/answers`)).answers);
    return html`<${Dialog} title=${t("organizer.orders.answers")} onClose=${onClose}>
        <p>${t("organizer.orders.noted")}</p>
        <${Loaded} resource=${answers} skeleton=${html`<${Skeleton} lines=${3} />`}>
            ${(/** @type {Answer[]} */ found) => html`<dl class="pairs">
                ${found.map(
                    (one) => html`<div key=${`${one.question} ${one.ticket}`}>
                        <dt>${one.ticket === null ? one.label : t("organizer.orders.of_ticket", { label: one.label, number: one.ticket + 1 })}</dt>
                        <dd dir="auto">${one.text ?? t("organizer.orders.forgotten")}</dd>
                    </div>`,
                )}
            </dl>`}
        <//>
    <//>`;
}
