// What makes lists of events quicker: searching and "more" without loading the page again, and the countdowns on the
// cards. All of it is drawn by the server, here as well: the script asks for the same addresses and takes over the parts.
import { announce } from "../shared/announce.js";
import { countdown } from "../shared/formats.js";
import { t } from "../shared/i18n.js";

const SOON_MS = 86_400_000;

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Document>}
 */
async function pageAt(address, signal) {
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal });
    if (!answer.ok) {
        throw new Error(`status ${answer.status}`);
    }
    return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** @type {AbortController | null} */
let searching = null;

/**
 * Show what an address of the list has, in the place of what is shown.
 *
 * @param {string} address
 * @param {boolean} isNew whether it becomes an entry of the history
 */
async function show(address, isNew) {
    searching?.abort();
    searching = new AbortController();
    const events = document.getElementById("events");
    events?.setAttribute("aria-busy", "true");
    try {
        const found = await pageAt(address, searching.signal);
        const results = found.getElementById("events");
        if (!events || !results) {
            throw new Error("no list at this address");
        }
        useOwnDays(results, address);
        setOpenings(results, performance.now());
        events.replaceChildren(...results.childNodes);
        if (isNew) {
            history.pushState(null, "", address);
        }
        announce(t("home.said.found", { count: events.querySelectorAll(".event-card").length }));
    } catch (thrown) {
        if (thrown instanceof DOMException && thrown.name === "AbortError") {
            return;
        }
        location.assign(address);
    }
    events?.removeAttribute("aria-busy");
}

/**
 * Make the links for today and the weekend those of the reader's own calendar: the server knows no other day than UTC's.
 *
 * @param {ParentNode} place
 * @param {string} address of what is shown there
 */
function useOwnDays(place, address) {
    const now = new Date();
    const dayIn = (/** @type {number} */ days) => {
        const day = new Date(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate() + days));
        return day.toISOString().slice(0, 10);
    };
    const untilSunday = (7 - now.getDay()) % 7;
    const spans = { today: [0, 0], weekend: [Math.max(0, untilSunday - 2), untilSunday] };
    const asked = new URL(address, location.href).searchParams;
    for (const [name, [first = 0, last = 0]] of Object.entries(spans)) {
        const link = place.querySelector(`.chips [data-days="${name}"]`);
        if (!(link instanceof HTMLAnchorElement)) {
            continue;
        }
        const [from, to] = [dayIn(first), dayIn(last)];
        const url = new URL(link.getAttribute("href") ?? "", location.href);
        url.searchParams.set("from", from);
        url.searchParams.set("to", to);
        link.href = url.pathname + url.search;
        link.removeAttribute("aria-current");
        if (asked.get("from") === from && asked.get("to") === to) {
            link.setAttribute("aria-current", "true");
        }
    }
}

useOwnDays(document, location.href);

/** @param {HTMLAnchorElement} link */
async function more(link) {
    link.setAttribute("aria-busy", "true");
    try {
        const found = await pageAt(link.href);
        if (!link.isConnected) {
            // Another list was asked for meanwhile.
            return;
        }
        setOpenings(found, performance.now());
        const cards = [...found.querySelectorAll(".event-card")];
        // An event that moved between two pages is shown once.
        const shown = new Set([...document.querySelectorAll(".event-card")].map((card) => card.getAttribute("data-event")));
        const fresh = cards.filter((card) => !shown.has(card.getAttribute("data-event")));
        document.querySelector(".event-list")?.append(...fresh);
        const next = found.querySelector(".more");
        link.closest(".more")?.replaceWith(...(next ? [next] : []));
        fresh[0]?.querySelector("a")?.focus({ preventScroll: true });
        announce(t("home.said.more", { count: fresh.length }));
    } catch {
        location.assign(link.href);
    }
}

/** @param {HTMLFormElement} form */
function addressOf(form) {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
        if (typeof value === "string" && value.trim()) {
            query.append(name, value.trim());
        }
    }
    const text = query.toString();
    return location.pathname + (text && `?${text}`);
}

document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !isPlain) {
        return;
    }
    if (link.id === "more") {
        event.preventDefault();
        void more(link);
    } else if (link.closest(".chips")) {
        event.preventDefault();
        void show(link.href, true).then(fillForm);
    }
});

const form = document.getElementById("search");
if (form instanceof HTMLFormElement) {
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        void show(addressOf(form), true);
    });
    // What is chosen, not typed, changes the list at once.
    form.addEventListener("change", (event) => {
        if (event.target instanceof HTMLSelectElement || (event.target instanceof HTMLInputElement && event.target.type === "date")) {
            void show(addressOf(form), true);
        }
    });
}
addEventListener("popstate", () => void show(location.href, false).then(fillForm));

// What is chosen above the list, and has no field of its own.
const OF_CHIPS = ["free", "tag"];

/** Make the form say what the address says. */
function fillForm() {
    const query = new URLSearchParams(location.search);
    for (const name of OF_CHIPS.filter((one) => query.has(one) && !form?.querySelector(`[name="${one}"]`))) {
        const hidden = document.createElement("input");
        Object.assign(hidden, { type: "hidden", name });
        form?.append(hidden);
    }
    for (const field of form?.querySelectorAll("[name]") ?? []) {
        const value = query.get(field.getAttribute("name") ?? "") ?? "";
        if (field instanceof HTMLInputElement) {
            field.value = value;
        } else if (field instanceof HTMLSelectElement && (value || field.name !== "currency")) {
            field.value = value;
        }
    }
}

/**
 * Say of the cards that open soon when that is: the server said how long from when it drew them.
 *
 * @param {ParentNode} place
 * @param {number} drawnAt ticks of the page's own clock
 */
function setOpenings(place, drawnAt) {
    for (const badge of place.querySelectorAll("[data-opens-in-ms]")) {
        badge.setAttribute("data-opens-at", String(drawnAt + Number(badge.getAttribute("data-opens-in-ms"))));
        badge.removeAttribute("data-opens-in-ms");
    }
}

const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
setOpenings(document, navigation?.responseStart ?? 0);
setInterval(() => {
    for (const badge of document.querySelectorAll("[data-opens-at]")) {
        const left = Number(badge.getAttribute("data-opens-at")) - performance.now();
        if (left <= 0) {
            badge.textContent = t("home.standing.on_sale");
            badge.setAttribute("data-tone", "good");
            badge.removeAttribute("data-opens-at");
        } else if (left < SOON_MS) {
            badge.textContent = t("home.opens_in", { time: countdown(left) });
        }
    }
}, 1000);
