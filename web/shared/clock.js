// The server's clock, as well as a browser can know it.
//
// Nothing here reads the device's wall clock: a phone whose clock is an hour off must count down to the same moment as
// everyone else's. Time runs on the monotonic clock (`performance.now()`), set by what the server says. Each answer
// gives (time asked, time heard, server's time); the server's time lies in between, so the error is at most half of the
// round trip, and the sample with the shortest round trip is the best one known.
//
// The monotonic clock of some systems stands still while they sleep. A sample that contradicts the present estimate by
// more than both round trips can explain is therefore believed at once, however slow its round trip was.

const SAMPLE_LIFETIME_MS = 60_000;

export class ServerClock {
    #monotonic;
    /** Server time minus monotonic time, ms. */
    #offset = 0;
    #error = Infinity;
    #sampledAt = -Infinity;

    /** @param {() => number} monotonic ms since any moment */
    constructor(monotonic = () => performance.now()) {
        this.#monotonic = monotonic;
    }

    /** Monotonic time, for measuring round trips with `sample`. */
    ticks() {
        return this.#monotonic();
    }

    /** Milliseconds since the epoch by the server's clock. Before the first sample, by the monotonic clock alone. */
    now() {
        return this.#monotonic() + this.#offset;
    }

    get isSet() {
        return this.#error < Infinity;
    }

    /**
     * Take in what the server said its time is.
     *
     * @param {number} askedAt `ticks()` when it was asked
     * @param {number} heardAt `ticks()` when the answer came
     * @param {number} serverMs
     */
    sample(askedAt, heardAt, serverMs) {
        const error = Math.max(0, (heardAt - askedAt) / 2);
        const offset = serverMs - (askedAt + heardAt) / 2;
        const isContradiction = Math.abs(offset - this.#offset) > error + this.#error;
        const isOld = heardAt - this.#sampledAt > SAMPLE_LIFETIME_MS;
        if (error <= this.#error || isContradiction || isOld) {
            this.#offset = offset;
            this.#error = error;
            this.#sampledAt = heardAt;
        }
    }
}
