// The events of an organisation by name, for whatever is held for one of them: roles, keys, devices.
import { t } from "../shared/i18n.js";
import { useResource } from "../shared/resource.js";
import { everything } from "../shared/list.js";

/** @typedef {{event: string, title: string, status: string}} NamedEvent */

/**
 * @param {import("./frame.js").Place} place
 * @returns {NamedEvent[]} the newest, none while they are not known
 */
export function useEvents(place) {
    const events = useResource(async () => /** @type {NamedEvent[]} */ (await everything(`${place.api}/events`)));
    return events.value ?? [];
}

/**
 * Return where something holds, in words.
 *
 * @param {string | null} event
 * @param {NamedEvent[]} events
 */
export function whereOf(event, events) {
    if (event === null) {
        return t("team.everywhere");
    }
    return events.find((one) => one.event === event)?.title ?? t("team.one_event");
}

/** What a select offers. @param {NamedEvent[]} events */
export function eventOptions(events) {
    const open = events.filter((one) => !["archived", "cancelled"].includes(one.status));
    return [{ value: "", label: t("team.everywhere") }, ...open.map((one) => ({ value: one.event, label: one.title }))];
}
