// Amounts of money as people write them, to the currency's smallest unit and back. No fractions of numbers: 0.1 + 0.2.

/** @param {string} currency */
function digitsOf(currency) {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * Return "12.5" or "12,50" as 1250 for euros; null for what is no amount in that currency.
 *
 * @param {string} text
 * @param {string} currency
 */
export function minorOf(text, currency) {
    return shifted(text, digitsOf(currency));
}

/**
 * Return "19" or "5,5" as 1900 or 550 hundredths of a percent; null for what is no percentage up to 100.
 *
 * @param {string} text
 */
export function basisPointsOf(text) {
    const points = shifted(text, 2);
    return points !== null && points <= 10_000 ? points : null;
}

/**
 * Return hundredths of a percent as they are put into a field: "5.5".
 *
 * @param {number} points
 */
export function percentText(points) {
    return String(points / 100);
}

/**
 * Return a written number times ten to the power of `digits`, null if it has more digits than that after the point.
 *
 * @param {string} text
 * @param {number} digits
 */
function shifted(text, digits) {
    const match = /^(\d{1,10})(?:[.,٫](\d*))?$/.exec(western(text.trim()));
    const fraction = match?.[2] ?? "";
    return match && fraction.length <= digits ? Number((match[1] ?? "0") + fraction.padEnd(digits, "0")) : null;
}

/**
 * Return an amount as it is put into a field: "12.50".
 *
 * @param {number} minor
 * @param {string} currency
 */
export function amountText(minor, currency) {
    const digits = digitsOf(currency);
    const text = String(minor).padStart(digits + 1, "0");
    return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/**
 * Return a text with its Arabic-Indic digits as those that programs read.
 *
 * @param {string} text
 */
export function western(text) {
    return [...text].map((letter) => digitOf(letter) ?? letter).join("");
}

/** @param {string} letter an Arabic-Indic digit, of either kind */
function digitOf(letter) {
    const code = letter.codePointAt(0) ?? 0;
    const base = code >= 0x6f0 && code <= 0x6f9 ? 0x6f0 : code >= 0x660 && code <= 0x669 ? 0x660 : null;
    return base === null ? null : String(code - base);
}
