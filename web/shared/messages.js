// Messages with holes: the part of ICU MessageFormat that the pages need, read once and filled often.
//
//     Hello {name}                                      a hole
//     {count, plural, =0 {none} one {# ticket} other {# tickets}}   by the language's plural rules; # is the number
//     {kind, select, voucher {a voucher} other {a code}}            by a word
//
// There is no quoting: a message holds no literal braces. `services/messages.py` reads the same grammar on the server.

/** @typedef {string | number | boolean | object | null | undefined} Value */
/** @typedef {{name: string}} Hole */
/** @typedef {{name: string, kind: "plural" | "select", cases: Map<string, Part[]>}} Choice */
/** @typedef {string | Hole | Choice | {number: true}} Part */

const NAME = /^[a-z_][a-z0-9_]*$/;

export class MessageError extends Error {}

/**
 * Return the parts of a message. Throws a MessageError for what does not follow the grammar.
 *
 * @param {string} text
 * @returns {Part[]}
 */
export function parse(text) {
    const reader = { text, at: 0 };
    const parts = block(reader, false);
    if (reader.at < text.length) {
        throw new MessageError(`a } too many at ${reader.at} of ${text}`);
    }
    return parts;
}

/**
 * @param {{text: string, at: number}} reader
 * @param {boolean} isPlural whether # stands for the number
 * @returns {Part[]}
 */
function block(reader, isPlural) {
    /** @type {Part[]} */
    const parts = [];
    let plain = "";
    const flush = () => {
        if (plain) {
            parts.push(plain);
        }
        plain = "";
    };
    while (reader.at < reader.text.length && reader.text[reader.at] !== "}") {
        const letter = reader.text[reader.at];
        if (letter === "{") {
            flush();
            parts.push(hole(reader));
        } else if (letter === "#" && isPlural) {
            flush();
            parts.push({ number: true });
            reader.at++;
        } else {
            plain += letter;
            reader.at++;
        }
    }
    flush();
    return parts;
}

/**
 * @param {{text: string, at: number}} reader
 * @returns {Part}
 */
function hole(reader) {
    reader.at++;
    const name = until(reader, /[,}]/);
    if (!NAME.test(name)) {
        throw new MessageError(`${name} is no name, in ${reader.text}`);
    }
    if (reader.text[reader.at] === "}") {
        reader.at++;
        return { name };
    }
    reader.at++;
    const kind = until(reader, /,/);
    if (kind !== "plural" && kind !== "select") {
        throw new MessageError(`${kind} is neither plural nor select, in ${reader.text}`);
    }
    reader.at++;
    /** @type {Map<string, Part[]>} */
    const cases = new Map();
    for (;;) {
        const key = until(reader, /[{}]/);
        if (reader.text[reader.at] !== "{") {
            break;
        }
        reader.at++;
        cases.set(key, block(reader, kind === "plural"));
        expectClosing(reader);
    }
    expectClosing(reader);
    if (!cases.has("other")) {
        throw new MessageError(`no case "other" in ${reader.text}`);
    }
    return { name, kind, cases };
}

/**
 * @param {{text: string, at: number}} reader
 * @param {RegExp} end
 */
function until(reader, end) {
    const start = reader.at;
    while (reader.at < reader.text.length && !end.test(reader.text.charAt(reader.at))) {
        reader.at++;
    }
    return reader.text.slice(start, reader.at).trim();
}

/** @param {{text: string, at: number}} reader */
function expectClosing(reader) {
    if (reader.text[reader.at] !== "}") {
        throw new MessageError(`a } is missing in ${reader.text}`);
    }
    reader.at++;
}

/**
 * Return the parts of a message with its holes filled: text, and whatever else was given for a hole as it is.
 *
 * @param {Part[]} parts
 * @param {Record<string, Value>} values
 * @param {{plural: Intl.PluralRules, number: Intl.NumberFormat}} language
 * @param {number} [counted] what # stands for
 * @returns {Value[]}
 */
export function filled(parts, values, language, counted = 0) {
    return parts.flatMap((part) => {
        if (typeof part === "string") {
            return [part];
        }
        if ("number" in part) {
            return [language.number.format(counted)];
        }
        const value = values[part.name];
        if (!("cases" in part)) {
            return [typeof value === "number" ? language.number.format(value) : (value ?? "")];
        }
        const other = part.cases.get("other") ?? [];
        if (part.kind === "select") {
            return filled(part.cases.get(String(value)) ?? other, values, language, counted);
        }
        const number = Number(value);
        const chosen = part.cases.get(`=${number}`) ?? part.cases.get(language.plural.select(number)) ?? other;
        return filled(chosen, values, language, number);
    });
}
