// Who works for an organisation, as what, and who is invited. What is taken away can be given back for a while.
import { get, patch, post, problemOf, remove } from "../shared/api.js";
import { moment } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Badge, PageHead, Panel } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { delayed, toast, undoToast } from "../shared/toasts.js";
import { useEvents, whereOf } from "./event-names.js";
import { showOrganisation } from "./frame.js";
import { InviteDialog } from "./invite.js";
import { More, tell, useList } from "../shared/list.js";
import { ROLES, WHOLE_ORGANISATION, mayGive } from "./role-names.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./frame.js").Place} Place */
/** @typedef {{id: string, user: string, name: string, email: string, role: string, event: string | null, version: number, joined_at_ms: number}} Member */
/** @typedef {{id: string, email: string, role: string, event: string | null, expires_at_ms: number, is_expired: boolean}} Invitation */

/**
 * @param {{place: Place}} given
 * @returns {Child}
 */
function Team({ place }) {
    const [isInviting, setInviting] = useState(false);
    const [turn, setTurn] = useState(0);
    const events = useEvents(place);
    const mayManage = place.may("members.manage");
    return html`
        <${PageHead} title=${t("organizer.nav.members")} text=${t("team.members.text")}>
            ${mayManage && html`<button type="button" class="button button-main" onClick=${() => setInviting(true)}>${t("team.invite")}</button>`}
        <//>
        <${Members} place=${place} events=${events} />
        ${mayManage && html`<${Invitations} key=${turn} place=${place} events=${events} />`}
        ${isInviting &&
        html`<${InviteDialog} place=${place} events=${events} onClose=${() => setInviting(false)} onDone=${() => (setInviting(false), setTurn(turn + 1))} />`}
    `;
}

/**
 * @param {{place: Place, events: import("./event-names.js").NamedEvent[]}} given
 * @returns {Child}
 */
function Members({ place, events }) {
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Member>>} */ (get(`${place.api}/members`, { cursor })));
    const [gone, setGone] = useState(/** @type {string[]} */ ([]));
    const change = async (/** @type {Member} */ member, /** @type {string} */ role, isUndo = false) => {
        try {
            const changed = /** @type {Member} */ ((await patch(`${place.api}/members/${member.id}`, { role }, { version: member.version })).value);
            list.edit((items) => items.map((one) => (one.id === changed.id ? changed : one)));
            const text = t("team.role_changed", { name: member.name, role: t(`team.role.${role}`) });
            if (isUndo) {
                toast(text);
            } else {
                undoToast(text, () => change(changed, member.role, true));
            }
        } catch (thrown) {
            tell(thrown);
            await list.page.reload();
        }
    };
    const drop = (/** @type {Member} */ member) => {
        const isSelf = member.user === place.user.id;
        const back = () => setGone((before) => before.filter((one) => one !== member.id));
        const send = async () => {
            try {
                if (isSelf) {
                    await post("/me/leave", { organisation: place.id });
                    location.assign("/organizer");
                } else {
                    await remove(`${place.api}/members/${member.id}`, { version: member.version });
                }
            } catch (thrown) {
                toast(problemOf(thrown).text);
                back();
                await list.page.reload();
            }
        };
        setGone((before) => [...before, member.id]);
        delayed(isSelf ? t("team.left") : t("team.removed", { name: member.name }), send, back);
    };
    return html`<${Panel} id="members" title=${t("team.members.title")}>
        <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${3} />`}>
            ${(/** @type {import("../shared/list.js").Part<Member>} */ found) => html`<ul class="rows">
                    ${found.items
                        .filter((one) => !gone.includes(one.id))
                        .map((one) => html`<${MemberRow} key=${one.id} member=${one} place=${place} events=${events} onChange=${change} onDrop=${drop} />`)}
                </ul>
                <${More} list=${list} />`}
        <//>
    <//>`;
}

/**
 * @param {{member: Member, place: Place, events: import("./event-names.js").NamedEvent[], onChange: (member: Member, role: string) => void, onDrop: (member: Member) => void}} given
 * @returns {Child}
 */
function MemberRow({ member, place, events, onChange, onDrop }) {
    const isSelf = member.user === place.user.id;
    const mayManage = place.may("members.manage") && mayGive(place, member.role);
    const roles = ROLES.filter((role) => (member.event === null || !WHOLE_ORGANISATION.includes(role)) && mayGive(place, role));
    return html`<li>
        <div class="row-text">
            <strong><bdi>${member.name || member.email}</bdi>${isSelf && html` <span class="quiet">${t("team.you")}</span>`}</strong>
            <span><bdi>${member.email}</bdi></span>
            ${member.event !== null && html`<span><bdi>${whereOf(member.event, events)}</bdi></span>`}
        </div>
        ${mayManage && !isSelf
            ? html`<div class="field role-field">
                  <select
                      aria-label=${t("team.role_of", { name: member.name || member.email })}
                      value=${member.role}
                      onChange=${(/** @type {Event} */ event) => onChange(member, /** @type {HTMLSelectElement} */ (event.currentTarget).value)}
                  >
                      ${roles.map((role) => html`<option value=${role} selected=${role === member.role}>${t(`team.role.${role}`)}</option>`)}
                  </select>
              </div>`
            : html`<${Badge} tone=${member.role === "owner" ? "good" : "calm"}>${t(`team.role.${member.role}`)}<//>`}
        ${(mayManage || isSelf) &&
        html`<button
            type="button"
            class="button button-plain"
            data-tone="danger"
            aria-label=${isSelf ? undefined : t("team.remove_one", { name: member.name || member.email })}
            onClick=${() => onDrop(member)}
        >
            ${isSelf ? t("team.leave") : t("shared.remove")}
        </button>`}
    </li>`;
}

/**
 * @param {{place: Place, events: import("./event-names.js").NamedEvent[]}} given
 * @returns {Child}
 */
function Invitations({ place, events }) {
    const list = useList((cursor) => /** @type {Promise<import("../shared/list.js").Part<Invitation>>} */ (get(`${place.api}/invitations`, { cursor })));
    const [gone, setGone] = useState(/** @type {string[]} */ ([]));
    const drop = (/** @type {Invitation} */ invitation) => {
        const back = () => setGone((before) => before.filter((one) => one !== invitation.id));
        const send = () =>
            remove(`${place.api}/invitations/${invitation.id}`).catch((/** @type {unknown} */ thrown) => {
                tell(thrown);
                back();
            });
        setGone((before) => [...before, invitation.id]);
        delayed(t("team.invitation_revoked", { email: invitation.email }), send, back);
    };
    const again = async (/** @type {Invitation} */ invitation) => {
        try {
            await post(`${place.api}/invitations`, { email: invitation.email, role: invitation.role, event: invitation.event });
            toast(t("team.invited", { email: invitation.email }));
            await list.page.reload();
        } catch (thrown) {
            tell(thrown);
        }
    };
    return html`<${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${1} />`}>
        ${(/** @type {import("../shared/list.js").Part<Invitation>} */ found) => {
            const shown = found.items.filter((one) => !gone.includes(one.id));
            return (
                shown.length > 0 &&
                html`<${Panel} id="invitations" title=${t("team.invitations")} note=${t("team.invitations_text")}>
                    <ul class="rows">
                        ${shown.map(
                            (one) => html`<li key=${one.id}>
                                <div class="row-text">
                                    <strong><bdi>${one.email}</bdi></strong>
                                    <span>${one.is_expired ? t("team.invitation_expired") : t("team.invitation_until", { when: moment(one.expires_at_ms) })}</span>
                                    ${one.event !== null && html`<span><bdi>${whereOf(one.event, events)}</bdi></span>`}
                                </div>
                                <${Badge} tone=${one.is_expired ? "warn" : "calm"}>${t(`team.role.${one.role}`)}<//>
                                ${one.is_expired && html`<button type="button" class="button button-plain" onClick=${() => again(one)}>${t("team.invite_again")}</button>`}
                                <button type="button" class="button button-plain" data-tone="danger" aria-label=${t("team.revoke_one", { email: one.email })} onClick=${() => drop(one)}>${t("team.revoke")}</button>
                            </li>`,
                        )}
                    </ul>
                    <${More} list=${list} />
                <//>`
            );
        }}
    <//>`;
}

void showOrganisation("members", (place) => html`<${Team} place=${place} />`);
