// What is being written, and what of it the server has: saved by itself a moment after the last key, with the version
// that it is based on. When somebody else was faster, nothing is overwritten: the page says so and asks.
import { problemOf } from "../shared/api.js";
import { computed, signal } from "../shared/html.js";

/** @typedef {import("../shared/api.js").Problem} Problem */
/** @typedef {"saved" | "waiting" | "saving" | "failed" | "conflict" | "wrong"} DraftState */

const QUIET_MS = 800;
const RETRY_MS = 5_000;
const UNDO_MAX = 50;

/**
 * @template {Record<string, any>} T
 */
export class Draft {
    /** What the server has. */
    saved;
    /** What differs from it here. */
    changes = signal(/** @type {Partial<T>} */ ({}));
    state = signal(/** @type {DraftState} */ ("saved"));
    /** What the server does not take, by field. */
    errors = signal(/** @type {Record<string, string>} */ ({}));
    problem = signal(/** @type {Problem | null} */ (null));
    #version;
    #patch;
    #reload;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {Promise<void>} */
    #running = Promise.resolve();
    /** @type {{name: string, before: any, at: number}[]} */
    #undoable = [];
    undoCount = signal(0);

    /**
     * @param {T} value
     * @param {number} version
     * @param {(changes: Partial<T>, version: number) => Promise<{value: T, version: number}>} patch
     * @param {() => Promise<{value: T, version: number}>} reload
     */
    constructor(value, version, patch, reload) {
        this.saved = signal(value);
        this.#version = version;
        this.#patch = patch;
        this.#reload = reload;
        this.value = computed(() => /** @type {T} */ ({ ...this.saved.value, ...this.changes.value }));
        addEventListener("beforeunload", (event) => {
            if (this.state.peek() !== "saved") {
                event.preventDefault();
            }
        });
        addEventListener("visibilitychange", () => {
            if (document.visibilityState === "hidden") {
                void this.flush();
            }
        });
    }

    /** The version that the next change is based on. */
    get version() {
        return this.#version;
    }

    /**
     * @template {keyof T & string} K
     * @param {K} name
     * @param {T[K]} value
     */
    set(name, value) {
        const before = this.value.peek()[name];
        if (before === value) {
            return;
        }
        const last = this.#undoable.at(-1);
        // Letters typed one after the other are undone together.
        if (!last || last.name !== name || performance.now() - last.at > 2_000) {
            this.#undoable = [...this.#undoable, { name, before, at: performance.now() }].slice(-UNDO_MAX);
        } else {
            last.at = performance.now();
        }
        this.undoCount.value = this.#undoable.length;
        this.#put(name, value);
    }

    /** Take back the last change. */
    undo() {
        const last = this.#undoable.pop();
        this.undoCount.value = this.#undoable.length;
        if (last) {
            this.#put(/** @type {keyof T & string} */ (last.name), last.before);
        }
    }

    /**
     * @param {keyof T & string} name
     * @param {any} value
     */
    #put(name, value) {
        this.changes.value = { ...this.changes.peek(), [name]: value };
        const { [name]: _, ...others } = this.errors.peek();
        this.errors.value = others;
        if (this.state.peek() !== "conflict") {
            this.state.value = "waiting";
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => void this.flush(), QUIET_MS);
        }
    }

    /** Save now what is not saved. Returns whether everything is. */
    async flush() {
        clearTimeout(this.#timer);
        this.#running = this.#running.then(() => this.#save());
        await this.#running;
        return this.state.peek() === "saved";
    }

    async #save() {
        const sent = this.changes.peek();
        if (Object.keys(sent).length === 0 || this.state.peek() === "conflict") {
            return;
        }
        this.state.value = "saving";
        try {
            this.#take(await this.#patch(sent, this.#version), sent);
        } catch (thrown) {
            const problem = problemOf(thrown);
            this.problem.value = problem;
            if (problem.code === "version_conflict") {
                this.state.value = "conflict";
            } else if (problem.errors.length > 0) {
                // What is wrong with a part of a field, such as one of the tags, is wrong with the field.
                const whole = Object.entries(problem.fields).map(([name, text]) => [name.split(".")[0], text]);
                this.errors.value = { ...Object.fromEntries(whole.reverse()), ...problem.fields };
                this.state.value = "wrong";
            } else {
                this.state.value = "failed";
                this.#timer = setTimeout(() => void this.flush(), RETRY_MS);
            }
        }
    }

    /**
     * @param {{value: T, version: number}} answer
     * @param {Partial<T>} sent
     */
    #take(answer, sent) {
        this.#version = answer.version;
        // What was typed meanwhile stays; what was sent is the server's now.
        const left = Object.entries(this.changes.peek()).filter(([name, value]) => !(name in sent) || sent[name] !== value);
        this.saved.value = answer.value;
        this.changes.value = /** @type {Partial<T>} */ (Object.fromEntries(left));
        this.problem.value = null;
        this.errors.value = {};
        this.state.value = left.length > 0 ? "waiting" : "saved";
        if (left.length > 0) {
            this.#timer = setTimeout(() => void this.flush(), QUIET_MS);
        }
    }

    /** Take in what another request has changed, such as a step of the event. @param {{value: T, version: number}} answer */
    adopt(answer) {
        this.#take(answer, {});
    }

    /** After a conflict: show what the other one wrote, and forget what was written here. */
    async takeTheirs() {
        const answer = await this.#reload();
        this.changes.value = {};
        this.#take(answer, {});
    }

    /** After a conflict: what was written here on top of what the other one wrote. */
    async keepMine() {
        const answer = await this.#reload();
        this.#version = answer.version;
        this.saved.value = answer.value;
        this.state.value = "waiting";
        await this.flush();
    }
}
