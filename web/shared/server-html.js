// HTML that the server has made and made safe, such as a description. It is read by the browser's parser into nodes of
// its own, which run nothing, and put into the page.
import { html, useLayoutEffect, useRef } from "./html.js";

/** @typedef {import("./html.js").Child} Child */

/**
 * @param {{text: string, class?: string}} given
 * @returns {Child}
 */
export function ServerHtml({ text, class: name = "prose" }) {
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    useLayoutEffect(() => {
        const parsed = new DOMParser().parseFromString(text, "text/html");
        place.current?.replaceChildren(...parsed.body.childNodes);
    }, [text]);
    return html`<div class=${name} dir="auto" ref=${place}></div>`;
}
