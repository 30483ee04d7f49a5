// Fields of an event's editor that are written in another form than they are kept in: what is half written stays in the
// field, and goes into the draft once it can be meant.
import { TextArea, TextField } from "../shared/forms.js";
import { html, useEffect, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { Panel } from "../shared/parts.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{draft: import("./draft.js").Draft<import("./editor.js").EventDocument>}} Given */

const IMAGES_MAX = 20;

/**
 * The text of a field, which is written anew when the draft says something else than is meant by it: something was
 * undone, or came from somebody else.
 *
 * @template T
 * @param {T} value as the draft has it
 * @param {(value: T) => string} written
 * @param {(text: string) => T | undefined} meant undefined for what can't be meant yet
 * @returns {[string, (text: string) => void]}
 */
export function useWritten(value, written, meant) {
    const [text, setText] = useState(written(value));
    const said = JSON.stringify(value);
    useEffect(() => {
        if (JSON.stringify(meant(text)) !== said) {
            setText(written(value));
        }
    }, [said]);
    return [text, setText];
}

/**
 * @param {Given} given
 * @returns {Child}
 */
export function ImagesField({ draft }) {
    const meant = (/** @type {string} */ written) => written.split("\n").map((line) => line.trim()).filter(Boolean).slice(0, IMAGES_MAX);
    const [text, setText] = useWritten([...draft.value.value.images], (images) => images.join("\n"), meant);
    // A field in a list is named by its place: "images.0".
    const wrong = Object.entries(draft.errors.value).find(([name]) => name === "images" || name.startsWith("images."))?.[1];
    const change = (/** @type {string} */ written) => {
        setText(written);
        draft.set("images", meant(written));
    };
    return html`<${TextArea} name="images" label=${t("organizer.event.images")} hint=${t("organizer.event.images_hint")} value=${text} wrong=${wrong} onValue=${change} rows=${3} data-latin isOptional />`;
}

/**
 * @param {Given} given
 * @returns {Child}
 */
export function GeoField({ draft }) {
    const [text, setText] = useWritten(
        draft.value.value.geo,
        (geo) => (geo ? `${geo.latitude}, ${geo.longitude}` : ""),
        (written) => (written.trim() === "" ? null : (placeOf(written) ?? undefined)),
    );
    const [wrong, setWrong] = useState("");
    const change = (/** @type {string} */ written) => {
        setText(written);
        setWrong("");
        if (written.trim() === "") {
            draft.set("geo", null);
        } else {
            const meant = placeOf(written);
            if (meant) {
                draft.set("geo", meant);
            }
        }
    };
    const left = () => setWrong(text.trim() === "" || placeOf(text) ? "" : t("organizer.wrong.geo"));
    return html`<${TextField} name="geo" label=${t("organizer.event.geo")} hint=${t("organizer.event.geo_hint")} value=${text} wrong=${wrong} onValue=${change} onBlur=${left} maxlength="40" inputmode="text" data-latin isOptional />`;
}

/** Return "53.0793, 8.8017" as a place; null for what is none. @param {string} text */
function placeOf(text) {
    const match = /^(-?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)$/.exec(text.trim());
    const [latitude, longitude] = [Number(match?.[1]), Number(match?.[2])];
    return match && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null;
}

const HOLD_MINUTES_MAX = 1_440;

/**
 * How long what somebody has reserved is kept for them.
 *
 * @param {Given} given
 * @returns {Child}
 */
export function Reserving({ draft }) {
    return html`<${Panel} id="reserving" title=${t("organizer.hold.title")}>
        <div class="form-row">
            <${Minutes} draft=${draft} name="hold_seconds" label=${t("organizer.hold.lasts")} hint=${t("organizer.hold.lasts_hint")} least=${1} />
            <${Minutes} draft=${draft} name="extension_seconds" label=${t("organizer.hold.extended")} hint=${t("organizer.hold.extended_hint")} least=${0} />
        </div>
    <//>`;
}

/**
 * @param {Given & {name: "hold_seconds" | "extension_seconds", label: string, hint: string, least: number}} given
 * @returns {Child}
 */
function Minutes({ draft, name, label, hint, least }) {
    const isMeant = (/** @type {string} */ written) => /^\d{1,4}(?:\.\d{1,2})?$/.test(written.trim()) && Number(written) >= least && Number(written) <= HOLD_MINUTES_MAX;
    const meant = (/** @type {string} */ written) => (isMeant(written) ? Math.round(Number(written) * 60) : undefined);
    const [text, setText] = useWritten(draft.value.value[name], (seconds) => String(seconds / 60), meant);
    const [wrong, setWrong] = useState("");
    const change = (/** @type {string} */ written) => {
        setText(written);
        setWrong("");
        const seconds = meant(written);
        if (seconds !== undefined) {
            draft.set(name, seconds);
        }
    };
    const left = () => setWrong(isMeant(text) ? "" : t("organizer.wrong.minutes", { least, most: HOLD_MINUTES_MAX }));
    return html`<${TextField} name=${name} label=${label} hint=${hint} value=${text} wrong=${wrong || draft.errors.value[name]} onValue=${change} onBlur=${left} inputmode="decimal" maxlength="7" after=${t("organizer.hold.minutes")} />`;
}
