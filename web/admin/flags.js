// Feature flags: what is switched on while everything runs.
import { get, problemOf, put } from "../shared/api.js";
import { html } from "../shared/html.js";
import { has, t } from "../shared/i18n.js";
import { PageHead } from "../shared/parts.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { toast, undoToast } from "../shared/toasts.js";
import { showPlatform } from "./frame.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{flag: string, is_on: boolean, version: number, description: string}} Flag */

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Flags({ place }) {
    const mayChange = place.may("platform.manage");
    const flags = useResource(async () => /** @type {{items: Flag[]}} */ (await get("/admin/flags")).items);
    const change = async (/** @type {Flag} */ flag, /** @type {boolean} */ isOn, isUndo = false) => {
        try {
            const changed = /** @type {Flag} */ ((await put(`/admin/flags/${flag.flag}`, { is_on: isOn }, { version: flag.version })).value);
            if (!isUndo) {
                const said = t(changed.is_on ? "admin.flags.is_on" : "admin.flags.is_off", { flag: flag.flag });
                undoToast(said, () => change(changed, !isOn, true));
            }
        } catch (thrown) {
            toast(problemOf(thrown).text);
        }
        await flags.reload();
    };
    return html`
        <${PageHead} title=${t("admin.flags.title")} text=${mayChange ? t("admin.flags.text") : t("admin.only_admins")} />
        <${Loaded} resource=${flags} skeleton=${html`<${Skeleton} kind="rows" lines=${2} />`}>
            ${(/** @type {Flag[]} */ list) =>
                list.length === 0
                    ? html`<p class="quiet empty">${t("admin.flags.none")}</p>`
                    : html`<ul class="flags">
                          ${list.map((one) => html`<${FlagRow} key=${one.flag} flag=${one} mayChange=${mayChange} onChange=${change} />`)}
                      </ul>`}
        <//>
    `;
}

/**
 * @param {{flag: Flag, mayChange: boolean, onChange: (flag: Flag, isOn: boolean) => void}} given
 * @returns {Child}
 */
function FlagRow({ flag, mayChange, onChange }) {
    const id = `flag-${flag.flag}`;
    const key = `admin.flag.${flag.flag}`;
    const described = has(key) ? t(key) : flag.description || t("admin.flags.unused");
    const switched = (/** @type {Event} */ event) => {
        const box = /** @type {HTMLInputElement} */ (event.currentTarget);
        const isOn = box.checked;
        // What the server says is what is shown.
        box.checked = flag.is_on;
        onChange(flag, isOn);
    };
    return html`<li class="flag">
        <label class="row-text" for=${id}>
            <strong class="mono breakable">${flag.flag}</strong>
            <span>${described}</span>
            <span>${t("admin.flags.switched", { count: flag.version })}</span>
        </label>
        <span class="flag-state" aria-hidden="true">${t(flag.is_on ? "admin.flags.on" : "admin.flags.off")}</span>
        <input class="switch" id=${id} type="checkbox" role="switch" checked=${flag.is_on} disabled=${!mayChange} onChange=${switched} />
    </li>`;
}

void showPlatform("flags", (place) => html`<${Flags} place=${place} />`);
