// Co-organisers: other organisations that are asked to see an event, or to work on it, and what they answered.
import { get, post, problemOf, remove } from "../shared/api.js";
import { ActionButton, Choices, FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { longDate } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, Panel } from "../shared/parts.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { delayed, toast } from "../shared/toasts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{organisation: string, slug: string, name: string, may_edit: boolean, is_accepted: boolean}} Partner */
/** @typedef {{hosted: string, title: string, organiser: string, starts_at_ms: number, time_zone: string, may_edit: boolean, is_accepted: boolean}} Offer */

/**
 * @param {{place: Place, path: string, event: import("./editor.js").EventDocument}} given
 * @returns {Child}
 */
export function Partners({ place, path, event }) {
    const [gone, setGone] = useState(/** @type {string[]} */ ([]));
    const partners = useResource(async () => /** @type {{items: Partner[]}} */ (await get(`${path}/grants`)).items);
    const isOwner = event.organisation === place.id;
    const may = isOwner && place.may("members.manage");
    const drop = (/** @type {Partner} */ one) => {
        const back = () => setGone((before) => before.filter((each) => each !== one.organisation));
        const send = () =>
            remove(`${path}/grants/${one.organisation}`).then(
                () => partners.reload(),
                (/** @type {unknown} */ thrown) => {
                    toast(problemOf(thrown).text);
                    back();
                },
            );
        setGone((before) => [...before, one.organisation]);
        delayed(t("organizer.partners.removed", { name: one.name }), send, back);
    };
    const change = async (/** @type {Partner} */ one, /** @type {boolean} */ mayEdit) => {
        await post(`${path}/grants`, { slug: one.slug, may_edit: mayEdit });
        await partners.reload();
    };
    return html`
        <${Panel} id="partners" title=${t("organizer.editor.partners")}>
            <p class="quiet">${isOwner ? t("organizer.partners.text") : t("organizer.partners.theirs", { name: event.organiser })}</p>
            <${Loaded} resource=${partners} skeleton=${html`<${Skeleton} kind="rows" lines=${2} />`}>
                ${(/** @type {Partner[]} */ found) => {
                    const shown = found.filter((one) => !gone.includes(one.organisation));
                    return (
                        shown.length > 0 &&
                        html`<ul class="event-rows partner-rows">
                            ${shown.map(
                                (one) => html`<li class="event-row partner-row" key=${one.organisation}>
                                    <div class="row-text">
                                        <strong><bdi>${one.name}</bdi></strong>
                                        <span>${t(one.may_edit ? "organizer.partners.edits" : "organizer.partners.sees")}</span>
                                    </div>
                                    <${Badge} tone=${one.is_accepted ? "good" : "warn"}>${t(one.is_accepted ? "organizer.partners.accepted" : "organizer.partners.asked")}<//>
                                    ${may &&
                                    html`<${ActionButton} kind="button-plain" onPress=${() => change(one, !one.may_edit)} onProblem=${tell} aria-label=${t(one.may_edit ? "organizer.partners.see_one" : "organizer.partners.edit_one", { name: one.name })}
                                            >${t(one.may_edit ? "organizer.partners.see" : "organizer.partners.edit")}<//
                                        ><button type="button" class="button button-plain" data-tone="danger" aria-label=${t("organizer.partners.remove_one", { name: one.name })} onClick=${() => drop(one)}>${t("shared.remove")}</button>`}
                                </li>`,
                            )}
                        </ul>`
                    );
                }}
            <//>
            ${may && html`<${Asking} path=${path} onDone=${() => partners.reload()} />`}
            ${!isOwner &&
            place.may("members.manage") &&
            html`<div class="form-actions"><${ActionButton} kind="button-danger" onPress=${() => leave(place, event.event)} onProblem=${tell}>${t("organizer.partners.leave")}<//></div>`}
        <//>
    `;
}

/** @param {import("../shared/api.js").Problem} problem */
function tell(problem) {
    toast(problem.text);
}

/**
 * @param {Place} place
 * @param {string} event
 */
async function leave(place, event) {
    await remove(`${place.api}/offers/${event}`);
    location.assign(`${place.base}/events`);
}

/**
 * @param {{path: string, onDone: () => Promise<unknown>}} given
 * @returns {Child}
 */
function Asking({ path, onDone }) {
    const form = useForm({
        initial: { slug: "", may: "see" },
        check: ({ slug }) => ({ slug: slugOf(slug) ? undefined : t("organizer.partners.wrong") }),
        send: async ({ slug, may }) => {
            await post(`${path}/grants`, { slug: slugOf(slug), may_edit: may === "edit" });
            toast(t("organizer.partners.sent"));
            form.set("slug", "");
            await onDone();
        },
    });
    return html`<${FormBox} form=${form}>
        <${TextField} ...${form.field("slug")} id="partner-slug" label=${t("organizer.partners.slug")} hint=${t("organizer.partners.hint")} maxlength="200" spellcheck=${false} autocapitalize="none" data-latin />
        <${Choices} ...${form.field("may")} label=${t("organizer.partners.may")} kind="cards" options=${["see", "edit"].map((value) => ({ value, label: t(`organizer.partners.may.${value}`) }))} />
        <div class="form-actions"><${SubmitButton} form=${form}>${t("organizer.partners.ask")}<//></div>
    <//>`;
}

/** What was typed or pasted, down to the part of the address that names an organisation. @param {string} typed */
function slugOf(typed) {
    const said = typed.trim().toLowerCase().replace(/^.*\/o\//, "").replace(/[/?#].*$/, "");
    return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(said) ? said : "";
}

/**
 * Events of others that this organisation is asked to work on, while it has not answered.
 *
 * @param {{place: Place, onAccepted: () => void}} given
 * @returns {Child}
 */
export function Offers({ place, onAccepted }) {
    const offers = useResource(async () => /** @type {{items: Offer[]}} */ (await get(`${place.api}/offers`)).items);
    const open = (offers.value ?? []).filter((one) => !one.is_accepted);
    const may = place.may("members.manage");
    const accept = async (/** @type {Offer} */ one) => {
        await post(`${place.api}/offers/${one.hosted}/accept`);
        toast(t("organizer.partners.joined", { title: one.title }));
        await offers.reload();
        onAccepted();
    };
    const decline = async (/** @type {Offer} */ one) => {
        await remove(`${place.api}/offers/${one.hosted}`);
        await offers.reload();
    };
    return (
        open.length > 0 &&
        html`<section class="panel" aria-labelledby="offers-heading">
            <h2 id="offers-heading">${t("organizer.partners.offers")}</h2>
            <ul class="event-rows partner-rows">
                ${open.map(
                    (one) => html`<li class="event-row partner-row" key=${one.hosted}>
                        <div class="row-text">
                            <strong><bdi>${one.title}</bdi></strong>
                            <span><bdi>${one.organiser}</bdi> · ${longDate(one.starts_at_ms, one.time_zone)} · ${t(one.may_edit ? "organizer.partners.edits" : "organizer.partners.sees")}</span>
                        </div>
                        ${may &&
                        html`<${ActionButton} kind="button-main" onPress=${() => accept(one)} onProblem=${tell}>${t("organizer.partners.accept")}<//>
                            <${ActionButton} onPress=${() => decline(one)} onProblem=${tell}>${t("organizer.partners.decline")}<//>`}
                    </li>`,
                )}
            </ul>
        </section>`
    );
}
