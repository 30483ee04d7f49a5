// Parts of addresses, made from names.

const LENGTH_MAX = 60;
/** @type {Record<string, string>} what letters without a plain form are written as */
const LETTERS = { ß: "ss", æ: "ae", ø: "o", đ: "d", ł: "l", þ: "th", ä: "ae", ö: "oe", ü: "ue", å: "a" };

/**
 * Return a name as a part of an address: "Kulturwerk am Hafen" becomes "kulturwerk-am-hafen". Empty when the name has no
 * letters that can stand there; somebody has to write one then.
 *
 * @param {string} name
 */
export function slugOf(name) {
    const plain = [...name.normalize("NFC").toLowerCase()].map((letter) => LETTERS[letter] ?? letter).join("");
    return plain
        .normalize("NFD")
        .replace(/\p{M}/gu, "")
        .replace(/[^a-z0-9]+/g, "-")
        .slice(0, LENGTH_MAX)
        .replace(/^-+|-+$/g, "");
}
