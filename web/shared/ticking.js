// One timer for everything on the page that counts seconds, aligned to the seconds of the server's clock so that all
// figures change together and the last second ends when it ends.
import { signal } from "./html.js";

/** @typedef {import("./clock.js").ServerClock} ServerClock */

// Longer timers overflow and fire at once.
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Return a signal of the server's time that changes once a second, and a function that makes it change at a certain
 * moment as well.
 *
 * @param {ServerClock} clock
 * @returns {{time: import("./html.js").ReadonlySignal<number>, wakeAt: (ms: number) => void}}
 */
export function tickingTime(clock) {
    const time = signal(clock.now());
    const tick = () => {
        time.value = clock.now();
        // A little past the boundary, lest a timer that fires early shows the old second for another whole one.
        setTimeout(tick, 1000 - (time.peek() % 1000) + 5);
    };
    tick();
    document.addEventListener("visibilitychange", () => {
        // Timers of a hidden page are slowed down; what is seen first must be right.
        time.value = clock.now();
    });
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let alarm;
    const wakeAt = (/** @type {number} */ ms) => {
        clearTimeout(alarm);
        const wait = ms - clock.now();
        if (wait > 0 && wait < TIMER_MS_MAX) {
            // The clock may have been set meanwhile: look again shortly before.
            const isNear = wait < 2_000;
            alarm = setTimeout(() => (isNear && clock.now() >= ms ? (time.value = clock.now()) : wakeAt(ms)), isNear ? wait + 1 : wait - 1_000);
        }
    };
    return { time, wakeAt };
}
