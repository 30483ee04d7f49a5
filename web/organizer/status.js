// How the states of an event look.

/** @type {Record<string, import("../shared/parts.js").Tone>} */
export const TONES = {
    draft: "calm",
    published: "warn",
    on_sale: "good",
    paused: "warn",
    sold_out: "good",
    ended: "calm",
    cancelled: "danger",
    archived: "calm",
};
