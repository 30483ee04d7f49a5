// The countries that are offered, in the reader's language and its order.
const COUNTRIES = "AE AT AU BE BG BH BR CA CH CN CY CZ DE DK DZ EE EG ES FI FR GB GR HR HU IE IL IN IQ IS IT JO JP KW LB LT LU LV LY MA MT MX NL NO NZ OM PL PS PT QA RO RS SA SD SE SI SK SY TN TR UA US YE ZA".split(" ");

/**
 * @param {string} chosen a code, which is offered too if it is none of these
 * @returns {{value: string, label: string}[]}
 */
export function countryOptions(chosen) {
    const names = new Intl.DisplayNames(document.documentElement.lang, { type: "region" });
    const codes = chosen && !COUNTRIES.includes(chosen) ? [chosen, ...COUNTRIES] : COUNTRIES;
    const options = codes.map((code) => ({ value: code, label: names.of(code) ?? code })).sort((a, b) => a.label.localeCompare(b.label));
    return [{ value: "", label: "" }, ...options];
}
