// Time zones and currencies to choose from, by names that people know.
import { locale } from "../shared/i18n.js";

const currencyNames = new Intl.DisplayNames(locale, { type: "currency" });
const COMMON = ["EUR", "USD", "GBP", "CHF", "SEK", "DKK", "NOK", "PLN", "CZK", "HUF", "RON", "AED", "SAR", "EGP", "MAD", "TND", "TRY", "JPY", "CAD", "AUD", "KWD"];

export const CURRENCIES = COMMON.map((code) => ({ value: code, label: `${code} · ${currencyNames.of(code) ?? code}` }));

/** @type {{value: string, label: string}[] | null} */
let zones = null;

/**
 * The zones of the IANA database, with how far each is from UTC now.
 *
 * @param {string} present one that must be there, although the browser calls it otherwise
 */
export function zoneOptions(present) {
    zones ??= Intl.supportedValuesOf("timeZone").map((name) => ({ value: name, label: `${name.replaceAll("_", " ")} (${offset(name)})` }));
    return zones.some((zone) => zone.value === present) ? zones : [{ value: present, label: present }, ...zones];
}

/** @param {string} zone */
function offset(zone) {
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts();
    return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}
