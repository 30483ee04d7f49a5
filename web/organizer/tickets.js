// The tickets of an event: types, and the pools they take their places from, drawn so that what is shared is seen. The
// document is changed as a whole, with its own version.
import { problemOf, put } from "../shared/api.js";
import { TextField } from "../shared/forms.js";
import { count, listed } from "../shared/formats.js";
import { html, signal, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, Panel } from "../shared/parts.js";
import { toast, undoToast } from "../shared/toasts.js";
import { PoolDialog } from "./pool-dialog.js";
import { allPrices } from "./prices.js";
import { QuestionDialog, Questions } from "./questions.js";
import { TypeDialog } from "./type-dialog.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{pool: string | null, name: string, capacity: number}} Pool */

/**
 * @typedef {object} TicketType
 * @property {string | null} ticket_type
 * @property {string} name
 * @property {string} description
 * @property {"free" | "fixed" | "pay_what_you_want"} kind
 * @property {number} price_minor
 * @property {number | null} price_min_minor
 * @property {readonly number[]} pools
 * @property {number} quantity_min
 * @property {number} quantity_max
 * @property {number | null} buyer_limit
 * @property {string | null} sales_start
 * @property {string | null} sales_end
 * @property {boolean} is_hidden
 * @property {boolean} is_retired
 * @property {number} tax_basis_points
 * @property {"included" | "on_top"} fee_plan
 * @property {readonly string[]} valid_days
 * @property {readonly Record<string, any>[]} tiers
 */

/**
 * @typedef {object} TicketsValue
 * @property {number} version
 * @property {Pool[]} pools
 * @property {TicketType[]} ticket_types
 * @property {readonly Record<string, any>[]} questions
 * @property {number} buyer_limit
 */

export class TicketsDocument {
    /**
     * @param {string} path
     * @param {TicketsValue} value
     * @param {() => Promise<TicketsValue>} reload
     */
    constructor(path, value, reload) {
        this.path = path;
        this.value = signal(value);
        this.reload = reload;
    }

    /** Take in what a change of the event's times has made of its tickets. @param {TicketsValue} value */
    adopt(value) {
        if (value.version > this.value.peek().version) {
            this.value.value = value;
        }
    }

    /**
     * Store the document with some of it changed. Throws a Problem; after a conflict the other one's document is shown.
     *
     * @param {Partial<TicketsValue>} change
     */
    async change(change) {
        const { version, ...fields } = { ...this.value.peek(), ...change };
        try {
            /** @type {import("../shared/api.js").Answer<any>} */
            const answer = await put(this.path, fields, { version });
            // Some answers have the tickets in the whole event.
            this.value.value = answer.value.tickets ?? answer.value;
        } catch (thrown) {
            const problem = problemOf(thrown);
            if (problem.code === "version_conflict") {
                this.value.value = await this.reload();
            }
            throw problem;
        }
    }

    async refresh() {
        this.value.value = await this.reload();
    }
}

/**
 * @param {{document: TicketsDocument, event: import("./editor.js").EventDocument}} given
 * @returns {Child}
 */
export function Tickets({ document: tickets, event }) {
    const [open, setOpen] = useState(/** @type {{kind: "type" | "pool" | "question", at: number} | null} */ (null));
    const value = tickets.value.value;
    const close = () => setOpen(null);
    const told = (/** @type {unknown} */ thrown) => toast(problemOf(thrown).text);
    const removed = async (/** @type {"type" | "pool" | "question"} */ kind, /** @type {number} */ at) => {
        close();
        const { change, back } = REMOVALS[kind](value, at, event.status !== "draft");
        try {
            await tickets.change(change);
            undoToast(t("organizer.removed"), () => tickets.change(back).catch(told));
        } catch (thrown) {
            told(thrown);
        }
    };
    return html`
        <${Panel} id="types" title=${t("organizer.tickets.types")} note=${t("organizer.tickets.note")}>
            ${value.ticket_types.length > 0 && html`<${Diagram} value=${value} currency=${event.currency} onOpen=${setOpen} />`}
            <div class="form-actions">
                <button type="button" class="button button-quiet" onClick=${() => setOpen({ kind: "type", at: value.ticket_types.length })}>${t("organizer.tickets.add_type")}</button>
                <button type="button" class="button button-quiet" onClick=${() => setOpen({ kind: "pool", at: value.pools.length })}>${t("organizer.tickets.add_pool")}</button>
            </div>
        <//>
        <${Questions} value=${value} onOpen=${(/** @type {number} */ at) => setOpen({ kind: "question", at })} />
        <${BuyerLimit} key=${value.buyer_limit} tickets=${tickets} />
        ${open?.kind === "type" &&
        html`<${TypeDialog} key=${`type ${open.at}`} tickets=${tickets} event=${event} at=${open.at} onClose=${close} onRemove=${() => removed("type", open.at)} />`}
        ${open?.kind === "question" &&
        html`<${QuestionDialog} key=${`question ${open.at}`} tickets=${tickets} at=${open.at} onClose=${close} onRemove=${() => removed("question", open.at)} />`}
        ${open?.kind === "pool" &&
        html`<${PoolDialog} key=${`pool ${open.at}`} tickets=${tickets} event=${event} at=${open.at} onClose=${close} onRemove=${() => removed("pool", open.at)} />`}
    `;
}

/**
 * How something is removed, and what brings it back: as new, because its identifier is gone on the server. A type that was
 * on sale stays, because its tickets do; it is not sold any more.
 *
 * @type {Record<"type" | "pool" | "question", (value: TicketsValue, at: number, isLive: boolean) => {change: Partial<TicketsValue>, back: Partial<TicketsValue>}>}
 */
const REMOVALS = {
    type: ({ ticket_types, questions }, at, isLive) =>
        isLive
            ? {
                  change: { ticket_types: ticket_types.map((type, one) => (one === at ? { ...type, is_retired: true } : type)) },
                  back: { ticket_types },
              }
            : {
                  change: {
                      ticket_types: ticket_types.filter((_, one) => one !== at),
                      // Questions name types by their places in the list.
                      questions: questions.map((question) => ({ ...question, ticket_types: without(question["ticket_types"], at) })),
                  },
                  back: { ticket_types: ticket_types.map((type, one) => (one === at ? { ...type, ticket_type: null } : type)), questions },
              },
    pool: ({ pools, ticket_types }, at) => ({
        change: {
            pools: pools.filter((_, one) => one !== at),
            ticket_types: ticket_types.map((type) => ({ ...type, pools: without(type.pools, at) })),
        },
        back: { pools: pools.map((pool, one) => (one === at ? { ...pool, pool: null } : pool)), ticket_types },
    }),
    question: ({ questions }, at) => ({
        change: { questions: questions.filter((_, one) => one !== at) },
        back: { questions: questions.map((question, one) => (one === at ? { ...question, question: null } : question)) },
    }),
};

/**
 * Return places in a list from which one was taken.
 *
 * @param {readonly number[]} places
 * @param {number} at
 */
function without(places, at) {
    return places.filter((place) => place !== at).map((place) => (place > at ? place - 1 : place));
}

// As the style sheet has them, in the drawing's units: sixteen are a rem.
const ROW = 88;
const GAP = 12;
const UNITS_PER_REM = 16;

/**
 * Types on one side, pools on the other, and a band from each type to every pool it takes a place from. On a phone the
 * bands make way for coloured marks; the words say the same everywhere.
 *
 * @param {{value: TicketsValue, currency: string, onOpen: (open: {kind: "type" | "pool", at: number}) => void}} given
 * @returns {Child}
 */
function Diagram({ value, currency, onOpen }) {
    const middle = (/** @type {number} */ at) => at * (ROW + GAP) + ROW / 2;
    const height = Math.max(value.ticket_types.length, value.pools.length) * (ROW + GAP) - GAP;
    return html`<div class="pools-diagram">
        <ul class="pools-types" aria-label=${t("organizer.tickets.types")}>
            ${value.ticket_types.map(
                (type, at) => html`<li key=${type.ticket_type ?? at}>
                    <button type="button" class="diagram-box" onClick=${() => onOpen({ kind: "type", at })}>
                        <span class="diagram-name"><bdi>${type.name}</bdi>${type.is_hidden && html` <${Badge}>${t("organizer.tickets.hidden")}<//>`}${type.is_retired && html` <${Badge}>${t("organizer.tickets.retired")}<//>`}</span>
                        <span class="diagram-price">${allPrices(type, currency)}</span>
                        <span class="diagram-marks">
                            ${type.pools.map((pool) => html`<span data-series=${(pool % 6) + 1}>${value.pools[pool]?.name}</span>`)}
                        </span>
                    </button>
                </li>`,
            )}
        </ul>
        <svg class="pools-bands" viewBox=${`0 0 100 ${height}`} height=${`${height / UNITS_PER_REM}rem`} preserveAspectRatio="none" aria-hidden="true">
            ${value.ticket_types.flatMap((type, at) =>
                type.pools.map((pool) => html`<path key=${`${at} ${pool}`} data-series=${(pool % 6) + 1} d=${`M0 ${middle(at)}C50 ${middle(at)} 50 ${middle(pool)} 100 ${middle(pool)}`} />`),
            )}
        </svg>
        <ul class="pools-pools" aria-label=${t("organizer.tickets.pools")}>
            ${value.pools.map(
                (pool, at) => html`<li key=${pool.pool ?? at}>
                    <button type="button" class="diagram-box" data-series=${(at % 6) + 1} onClick=${() => onOpen({ kind: "pool", at })}>
                        <span class="diagram-name"><bdi>${pool.name}</bdi></span>
                        <span class="diagram-price">${t("organizer.tickets.places", { count: pool.capacity })}</span>
                        <span class="diagram-shared">${sharedBy(value, at)}</span>
                    </button>
                </li>`,
            )}
        </ul>
    </div>`;
}

/**
 * @param {TicketsValue} value
 * @param {number} pool
 */
function sharedBy(value, pool) {
    const names = value.ticket_types.filter((type) => type.pools.includes(pool)).map((type) => type.name);
    if (names.length === 0) {
        return t("organizer.tickets.unused");
    }
    return names.length === 1 ? t("organizer.tickets.only_for", { name: names[0] }) : t("organizer.tickets.shared_by", { names: listed(names), count: count(names.length) });
}

/**
 * @param {{tickets: TicketsDocument}} given
 * @returns {Child}
 */
function BuyerLimit({ tickets }) {
    const [limit, setLimit] = useState(String(tickets.value.peek().buyer_limit));
    const [wrong, setWrong] = useState("");
    const left = async () => {
        const number = Number(limit);
        if (!Number.isInteger(number) || number < 1) {
            setWrong(t("shared.field.int_parsing"));
        } else if (number !== tickets.value.peek().buyer_limit) {
            try {
                await tickets.change({ buyer_limit: number });
                toast(t("shared.saved"));
            } catch (thrown) {
                setWrong(problemOf(thrown).text);
            }
        }
    };
    return html`<${Panel} id="limit" title=${t("organizer.tickets.limit_title")}>
        <${TextField}
            name="buyer_limit"
            label=${t("organizer.tickets.buyer_limit")}
            hint=${t("organizer.tickets.buyer_limit_hint")}
            value=${limit}
            wrong=${wrong}
            inputmode="numeric"
            onValue=${(/** @type {string} */ text) => (setLimit(text), setWrong(""))}
            onBlur=${left}
        />
    <//>`;
}
