// The reader's language. The server has chosen it (the reader's own choice, then what the browser asks for) and written
// it into the page; the catalogues that the page names are fetched before any other module runs.
import { MessageError, filled, parse } from "./messages.js";

/** @typedef {import("./messages.js").Part} Part */
/** @typedef {import("./messages.js").Value} Value */

const root = document.documentElement;

/** The language of the page, such as "en" or "ar". */
export const language = root.lang || "en";

/** What Intl is asked for. English is written as Europe writes it: the day before the month, 24 hours. */
export const locale = language === "en" ? "en-GB" : language;

/** Whether the page runs from right to left. */
export const isRightToLeft = root.dir === "rtl";

/** The languages there are, each by its own name. */
export const LANGUAGES = [
    { code: "en", name: "English" },
    { code: "ar", name: "العربية" },
];

const AREAS = (root.dataset["messages"] ?? "shared").split(" ").filter(Boolean);
const rules = { plural: new Intl.PluralRules(locale), number: new Intl.NumberFormat(locale) };

/** @type {Map<string, string>} */
const texts = new Map();
/** @type {Map<string, Part[]>} */
const read = new Map();

await Promise.all(AREAS.map(load));

/** @param {string} area */
async function load(area) {
    // By this module's own address: wherever it is served from, the catalogues lie beside it.
    const answer = await fetch(new URL(`../messages/${language}/${area}.json`, import.meta.url));
    if (!answer.ok) {
        throw new Error(`the ${language} messages of ${area}: status ${answer.status}`);
    }
    for (const [key, text] of Object.entries(await answer.json())) {
        texts.set(`${area}.${key}`, text);
    }
}

/**
 * Say whether there is a message of that name.
 *
 * @param {string} key
 */
export function has(key) {
    return texts.has(key);
}

/**
 * Return a message in the reader's language. Numbers that are given are written as the language writes them.
 *
 * @param {string} key the catalogue's name and the message's in it, such as "shared.save"
 * @param {Record<string, Value>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
    return rich(key, values).join("");
}

/**
 * Return a message in pieces, so that a hole can take what is more than text, such as a link.
 *
 * @param {string} key
 * @param {Record<string, any>} [values]
 * @returns {any[]}
 */
export function rich(key, values = {}) {
    let parts = read.get(key);
    if (!parts) {
        const text = texts.get(key);
        if (text === undefined) {
            throw new MessageError(`there is no message ${key}`);
        }
        parts = parse(text);
        read.set(key, parts);
    }
    return filled(parts, values, rules);
}
