// The banner that says that the connection is lost, and that it is back.
import { html, useEffect, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/connection.js").ConnectionState} ConnectionState */

// A connection that is replaced within this, by a gateway that makes room for its successor, is nobody's worry.
const PATIENCE_MS = 800;
const BACK_MS = 3_000;

/**
 * @param {{state: import("../shared/html.js").ReadonlySignal<ConnectionState>, hasReservation: boolean, isPaying: boolean}} given
 * @returns {Child}
 */
export function ConnectionBanner({ state, hasReservation, isPaying }) {
    const [shown, setShown] = useState(/** @type {"nothing" | "lost" | "back"} */ ("nothing"));
    const now = state.value;
    useEffect(() => {
        const isLost = now === "lost";
        if (!isLost && shown === "nothing") {
            return undefined;
        }
        if (isLost && shown === "lost") {
            return undefined;
        }
        if (!isLost && shown === "lost") {
            setShown(now === "online" ? "back" : "lost");
            return undefined;
        }
        const timer = setTimeout(() => setShown(isLost ? "lost" : "nothing"), isLost ? PATIENCE_MS : BACK_MS);
        return () => clearTimeout(timer);
    }, [now, shown]);
    return html`
        <div class="banner-place" role="status" aria-live="polite">
            ${shown !== "nothing" &&
            html`<p class="banner" data-kind=${shown}>
                <span class="banner-dot" aria-hidden="true"></span>
                ${shown === "back" ? t("event.back_online") : lostText(hasReservation, isPaying)}
            </p>`}
        </div>
    `;
}

/**
 * @param {boolean} hasReservation
 * @param {boolean} isPaying
 */
function lostText(hasReservation, isPaying) {
    if (isPaying) {
        return t("event.lost_paying");
    }
    return hasReservation
        ? t("event.lost_reserved")
        : t("event.lost");
}
