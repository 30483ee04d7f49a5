// What is said to people who do not see the page: one polite live region, spoken to rarely and in whole sentences.

/** @type {HTMLElement | null} */
let region = null;

/**
 * Say something through the polite live region. The same text twice in a row is said twice.
 *
 * @param {string} text
 */
export function announce(text) {
    if (!region) {
        region = document.createElement("div");
        region.className = "visually-hidden";
        region.setAttribute("role", "status");
        region.setAttribute("aria-live", "polite");
        document.body.append(region);
    }
    const line = document.createElement("p");
    line.textContent = text;
    // Replaced, not appended: a reader that arrives late hears the newest, not the history.
    region.replaceChildren(line);
}

/**
 * Return the sentence for the first of the marks that lies between two times left, so that each is said once.
 *
 * @param {number} before ms left at the last look
 * @param {number} now ms left now
 * @param {readonly number[]} marks ms
 * @returns {number | null} the mark that was passed
 */
export function passedMark(before, now, marks) {
    const passed = marks.filter((mark) => before > mark && now <= mark);
    return passed.length > 0 ? Math.min(...passed) : null;
}
