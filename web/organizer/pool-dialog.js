// One pool: what it is called and how many places it has.
import { post } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */

/**
 * @param {{tickets: import("./tickets.js").TicketsDocument, event: import("./editor.js").EventDocument, at: number, onClose: () => void, onRemove: () => void}} given
 * @returns {Child}
 */
export function PoolDialog({ tickets, event, at, onClose, onRemove }) {
    const value = tickets.value.peek();
    const present = value.pools[at];
    const isUsed = value.ticket_types.some((type) => type.pools.includes(at));
    const form = useForm({
        initial: { name: present?.name ?? "", capacity: present ? String(present.capacity) : "" },
        check: ({ name, capacity }) => ({
            name: name.trim() ? undefined : t("shared.field.missing"),
            capacity: /^\d{1,7}$/.test(capacity.trim()) ? undefined : t("shared.field.int_parsing"),
        }),
        called: { [`pools.${at}.name`]: "name", [`pools.${at}.capacity`]: "capacity" },
        send: async ({ name, capacity }) => {
            const places = Number(capacity);
            const isSelling = event.status !== "draft" && Boolean(present?.pool);
            const pools = [...value.pools];
            // The places of what is on sale are changed by the one who sells them, who knows what is sold and held.
            pools[at] = { pool: present?.pool ?? null, name: name.trim(), capacity: isSelling ? Number(present?.capacity) : places };
            if (!present || present.name !== name.trim() || !isSelling) {
                await tickets.change({ pools });
            }
            if (isSelling && present && places !== present.capacity) {
                await post(`${tickets.path.replace(/\/ticket-types$/, "")}/pools/${present.pool}/capacity`, { capacity: places }, { version: tickets.value.peek().version });
                await tickets.refresh();
            }
            onClose();
        },
    });
    const refused = form.problem?.code === "capacity_in_use" ? form.problem.details : null;
    return html`<${Dialog} title=${present ? present.name : t("organizer.tickets.add_pool")} onClose=${onClose}>
        <${FormBox} form=${form}>
            <p class="quiet">${t("organizer.pool.text")}</p>
            <${TextField} ...${form.field("name")} label=${t("organizer.pool.name")} placeholder=${t("organizer.pool.name_example")} maxlength="120" dir="auto" autofocus />
            <${TextField} ...${form.field("capacity")} label=${t("organizer.pool.capacity")} inputmode="numeric" maxlength="7" />
            ${typeof refused?.["capacity_min"] === "number" &&
            html`<button type="button" class="button button-quiet" onClick=${() => form.set("capacity", String(refused["capacity_min"]))}>
                ${t("organizer.pool.take_least", { count: refused["capacity_min"] })}
            </button>`}
            <div class="form-actions">
                <${SubmitButton} form=${form}>${t("shared.save")}<//>
                ${present && !isUsed && html`<button type="button" class="button button-plain" data-tone="danger" onClick=${onRemove}>${t("shared.remove")}</button>`}
            </div>
        <//>
    <//>`;
}
