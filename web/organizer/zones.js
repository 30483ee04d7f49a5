// Time zones, currencies and languages to choose from, by names that people know.
import { locale, t } from "../shared/i18n.js";

const currencyNames = new Intl.DisplayNames(locale, { type: "currency" });
const COMMON = ["EUR", "USD", "GBP", "CHF", "SEK", "DKK", "NOK", "PLN", "CZK", "HUF", "RON", "AED", "SAR", "EGP", "MAD", "TND", "TRY", "JPY", "CAD", "AUD", "KWD"];

export const CURRENCIES = COMMON.map((code) => ({ value: code, label: `${code} · ${currencyNames.of(code) ?? code}` }));

const languageNames = new Intl.DisplayNames(locale, { type: "language" });
const SPOKEN = ["ar", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "ga", "he", "hi", "hr", "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "mk", "mt", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "ur", "vi", "zh"];

/**
 * The languages that an event may be in.
 *
 * @param {string} present one that must be there, although it is not among the usual ones
 */
export function languageOptions(present) {
    const codes = SPOKEN.includes(present) || !present ? SPOKEN : [...SPOKEN, present];
    const named = codes.map((code) => ({ value: code, label: languageNames.of(code) ?? code }));
    return [{ value: "", label: t("organizer.event.no_language") }, ...named.sort((one, other) => one.label.localeCompare(other.label, locale))];
}

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
