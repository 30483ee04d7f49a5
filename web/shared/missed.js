// Brings a page back that missed a part of itself: a module or a stylesheet that was under way when the server went, or
// the way to it. A browser asks for each once, and a module that failed stays failed until the page is loaded again. A
// picture that can't be had makes way for the one that its `data-instead` names.
//
// Stylesheets are asked for anew in their place. For modules the page is loaded again, as soon as its address answers,
// so that nobody gets the browser's own error page; and only while there is nothing of the reader's in it.
//
// It is no module, and the head names it first: whatever fails is heard, and of all files this one is the likeliest
// to arrive, on the connection that has just brought the page. What remains is a page that misses this file, or waits
// for an answer that never comes: after a while the stylesheet shows the notice by itself (.missed in components.css),
// and the reader loads the page again. The notice needs neither: a page without any style shows it at once.
"use strict";

{
    const RELOADS_MAX = 3;
    // A fault after this long is another one.
    const RELOADS_WITHIN_MS = 600_000;
    const RENEWALS_MAX = 3;
    // Some eight minutes.
    const ROUNDS_MAX = 100;
    const DELAY_MS_MIN = 1_000;
    // Who waits for the server is back within this after it, and not all in the same moment.
    const DELAY_MS_MAX = 6_000;
    const ANSWER_MS_MAX = 8_000;
    // An error after this is no failure to begin.
    const BEGINNING_MS = 60_000;
    // A page that the reader leaves is gone within this, or stays after all.
    const LEAVING_MS = 10_000;
    const RELOADS = `bilten:reloads ${location.pathname}`;

    /** @type {Set<HTMLLinkElement>} */
    const missedStyles = new Set();
    let isScriptMissed = false;
    let isUnderWay = false;
    let isTouched = false;
    let isAsked = false;
    let renewals = 0;
    let leftAt = -Infinity;
    let shown = /** @type {"nothing" | "waiting" | "stopped"} */ ("nothing");

    /** Whether a reload could take something from the reader: a view with a form, or what is typed into the server's. */
    const isInUse = () => {
        const app = document.getElementById("app");
        return app ? app.querySelector(":scope > :not(.skeleton)") !== null : isTouched;
    };

    /** @param {Event} event */
    const isFailedModule = (event) =>
        // Cut short, broken, or without what it fetches first. Extensions have errors too, and none of our business.
        event instanceof ErrorEvent && event.filename.startsWith(`${location.origin}/static/`) && performance.now() < BEGINNING_MS && !isInUse();

    /** @param {Event} event */
    const heard = (event) => {
        const { target } = event;
        if (target instanceof HTMLImageElement) {
            drawInstead(target);
            return;
        }
        if (target instanceof HTMLLinkElement && target.rel === "stylesheet") {
            missedStyles.add(target);
        } else if (target instanceof HTMLScriptElement || isFailedModule(event)) {
            isScriptMissed = true;
        } else {
            return;
        }
        void bringBack();
    };

    /** @param {HTMLImageElement} image */
    const drawInstead = (image) => {
        const { instead } = image.dataset;
        if (instead) {
            // Once: it may be the one that can't be had.
            delete image.dataset["instead"];
            image.src = instead;
        }
    };

    const bringBack = async () => {
        if (isUnderWay || (shown === "stopped" && !isAsked)) {
            return;
        }
        isUnderWay = true;
        show("waiting");
        for (let round = 0; round < ROUNDS_MAX; round++) {
            if (round > 0 || !isAsked) {
                await pause(round + renewals + reloads().length);
            }
            if ((await isServerThere()) && performance.now() - leftAt > LEAVING_MS) {
                isUnderWay = false;
                loadMissed();
                return;
            }
        }
        isUnderWay = false;
        show("stopped");
    };

    const loadMissed = () => {
        if (isAsked || (isScriptMissed && !isInUse() && mayReload())) {
            location.reload();
            return;
        }
        if (renewals < RENEWALS_MAX) {
            renewals++;
            for (const link of missedStyles) {
                link.replaceWith(link.cloneNode());
            }
            missedStyles.clear();
        }
        if (isScriptMissed || missedStyles.size > 0) {
            show("stopped");
        }
    };

    /** Whether the page may be loaded again by itself; that it is counts as one of the times. */
    const mayReload = () => {
        const times = reloads();
        if (times.length >= RELOADS_MAX) {
            return false;
        }
        try {
            sessionStorage.setItem(RELOADS, JSON.stringify([...times, Date.now()]));
            return true;
        } catch {
            // What can't be counted would not end.
            return false;
        }
    };

    /** @returns {number[]} when this address was loaded again lately, in this tab */
    const reloads = () => {
        try {
            /** @type {number[]} */
            const times = JSON.parse(sessionStorage.getItem(RELOADS) ?? "[]");
            return times.filter((at) => at > Date.now() - RELOADS_WITHIN_MS);
        } catch {
            return [];
        }
    };

    const isServerThere = async () => {
        try {
            const answer = await fetch(location.href, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS_MAX) });
            // What is not found is a page as well, and may have missed a part.
            return answer.status < 500 && answer.status !== 429;
        } catch {
            return false;
        }
    };

    /** @param {number} failures */
    const pause = (failures) => {
        const bound = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** failures);
        return new Promise((resolve) => setTimeout(resolve, bound * (0.5 + Math.random() / 2)));
    };

    /** @param {"nothing" | "waiting" | "stopped"} state */
    const show = (state) => {
        shown = state;
        const notice = document.getElementById("missed");
        if (!notice) {
            // Not read so far.
            return;
        }
        notice.dataset["state"] = state;
        const isWaiting = state === "waiting";
        document.getElementById("missed-waiting")?.toggleAttribute("hidden", !isWaiting);
        document.getElementById("missed-stopped")?.toggleAttribute("hidden", isWaiting);
        document.getElementById("missed-again")?.toggleAttribute("hidden", isWaiting);
        if (state === "stopped") {
            document.getElementById("app")?.removeAttribute("aria-busy");
        }
    };

    addEventListener("error", heard, true);
    // A load is heard no further up than here.
    document.addEventListener(
        "load",
        ({ target }) => {
            if (target instanceof HTMLLinkElement && shown === "waiting" && missedStyles.size === 0 && !isScriptMissed) {
                show("nothing");
            }
        },
        true,
    );
    for (const kind of ["pointerdown", "keydown", "input"]) {
        addEventListener(kind, () => (isTouched = true), { once: true, capture: true });
    }
    addEventListener("beforeunload", () => (leftAt = performance.now()));
    const begin = () => {
        const again = document.getElementById("missed-again");
        again?.addEventListener("click", () => {
            isAsked = true;
            void bringBack();
        });
        // Without this script it does nothing.
        again?.removeAttribute("hidden");
        if (shown !== "nothing") {
            show(shown);
        }
        if (!document.querySelector(".site-footer")) {
            // The page itself was cut short.
            isScriptMissed = true;
            void bringBack();
        }
    };
    // DOMContentLoaded waits for the modules as well, and one of them may never be answered.
    document.addEventListener("readystatechange", begin, { once: true });
}
