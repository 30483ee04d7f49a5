// Places of a pool that is on sale: taking free ones out of the sale, and putting them back.
import { post } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";
import { Choices, FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { html } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { toast, undoToast } from "../shared/toasts.js";
import { tell } from "../shared/list.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {"withhold" | "return"} Way */

/**
 * @param {{path: string, pool: import("../shared/wire").PoolSales, name: string, onClose: () => void}} given
 * @returns {Child}
 */
export function PlacesDialog({ path, pool, name, onClose }) {
    const move = async (/** @type {Way} */ way, /** @type {number} */ quantity, isUndo = false) => {
        await post(`${path}/pools/${pool.pool}/${way}`, { quantity });
        const text = t(`selling.did_${way}`, { count: quantity });
        if (isUndo) {
            toast(text);
        } else {
            undoToast(text, () => move(way === "withhold" ? "return" : "withhold", quantity, true).catch(tell));
        }
    };
    const form = useForm({
        initial: { way: "withhold", quantity: "" },
        check: ({ way, quantity }) => {
            const most = way === "withhold" ? pool.free : pool.withheld;
            const isFit = /^[1-9]\d{0,6}$/.test(quantity.trim()) && Number(quantity) <= most;
            return { quantity: isFit ? undefined : t("selling.at_most", { count: most }) };
        },
        send: async ({ way, quantity }) => {
            await move(way, Number(quantity));
            onClose();
        },
    });
    return html`<${Dialog} title=${name} onClose=${onClose}>
        <${FormBox} form=${form}>
            <${Choices}
                ...${form.field("way")}
                label=${t("selling.what")}
                options=${[
                    { value: "withhold", label: t("selling.withhold"), hint: t("selling.withhold_text", { count: pool.free }) },
                    { value: "return", label: t("selling.return"), hint: t("selling.return_text", { count: pool.withheld }) },
                ]}
            />
            <${TextField} ...${form.field("quantity")} label=${t("selling.quantity")} inputmode="numeric" maxlength="7" autofocus />
            <div class="form-actions"><${SubmitButton} form=${form}>${t("shared.save")}<//></div>
        <//>
    <//>`;
}
