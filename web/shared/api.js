// The API below /api/v1: one way to ask, one kind of error.
//
// What fails throws a `Problem`, which says it in the reader's language: by field where the server named fields, and
// as a sentence. A POST carries an idempotency key that stays the same over repetitions, so that a lost answer is asked
// for again without doing the thing twice. What has a version is changed with the version that was read.
import { has, language, t } from "./i18n.js";
import { newOperation } from "./ids.js";

/** @typedef {Record<string, string | number | boolean | null | undefined>} Query */
/** @typedef {{field: string, code?: string, message: string}} FieldError */

/**
 * @template T
 * @typedef {{value: T, version: number | null, status: number}} Answer
 */

/**
 * @typedef {object} Asked
 * @property {Query} [query]
 * @property {unknown} [body]
 * @property {number | null} [version] what the change is based on (If-Match)
 * @property {string} [key] the idempotency key of a POST; one is made if none is given
 * @property {AbortSignal} [signal]
 */

const ROOT = "/api/v1";
const TIMEOUT_MS = 20_000;
const ATTEMPTS_MAX = 3;
const DELAY_MS = 400;
const DELAY_MS_MAX = 5_000;
const UNREACHABLE = 0;
const TOLD_MAX = 3;
// Browsers take 64 KiB of such requests, and a letter may be four bytes.
const KEPT_ALIVE_MAX = 16_000;

/** What a request was refused with, or that nobody could be asked. */
export class Problem extends Error {
    /**
     * @param {number} status of HTTP, 0 when there was no answer
     * @param {{code?: string, detail?: string, retry_after_ms?: number | null, details?: Record<string, any>, errors?: FieldError[]}} body
     */
    constructor(status, body) {
        super(body.detail ?? `status ${status}`);
        this.status = status;
        this.code = body.code || (status === UNREACHABLE ? "unreachable" : `status_${status}`);
        this.detail = body.detail ?? "";
        this.details = body.details ?? {};
        this.retryAfterMs = body.retry_after_ms ?? null;
        this.errors = fieldErrors(body);
    }

    /** What is wrong, by the field's path such as "ticket_types.0.name". */
    get fields() {
        return Object.fromEntries(this.errors.map((error) => [error.field, fieldText(error)]));
    }

    /** The refusal as a sentence for the reader. */
    get text() {
        if (this.errors.length > 0 && ["invalid", "malformed"].includes(this.code)) {
            // Which field it is, and why, says more than that something is wrong.
            return this.errors.slice(0, TOLD_MAX).map(told).join(" ");
        }
        const key = `shared.problem.${this.code}`;
        if (has(key)) {
            return t(key, { seconds: Math.ceil((this.retryAfterMs ?? 1000) / 1000), ...this.details });
        }
        return this.status >= 500 ? t("shared.problem.status_500") : english(this.detail) || t("shared.problem.other");
    }
}

/**
 * @param {{code?: string, details?: Record<string, any>, errors?: FieldError[], detail?: string}} body
 * @returns {FieldError[]}
 */
function fieldErrors(body) {
    if (body.errors && body.errors.length > 0) {
        return body.errors;
    }
    const { field, reason } = body.details ?? {};
    return typeof field === "string" ? [{ field, code: typeof reason === "string" ? reason : "", message: body.detail ?? "" }] : [];
}

/** @param {FieldError} error */
function fieldText(error) {
    // What pydantic refuses has a code of its own; what a service refuses has its reason.
    const key = [`shared.field.${error.code}`, `shared.field.reason.${error.code}`].find(has) ?? "";
    // The bound is only in the server's sentence; what else that says is said by the message.
    const [limit = ""] = /\d+/.exec(error.message) ?? [];
    return key ? t(key, { limit: Number(limit) }) : english(error.message) || t("shared.field.invalid");
}

/**
 * Return what is wrong with a field, with the field's name where it has one.
 *
 * @param {FieldError} error
 */
export function told(error) {
    const reason = fieldText(error);
    const name = error.field.split(".").findLast((part) => has(`shared.field.name.${part}`));
    return name ? t("shared.field.named", { field: t(`shared.field.name.${name}`), reason }) : reason;
}

/** A sentence of the server's, for those who read its language. @param {string} sentence */
function english(sentence) {
    return language === "en" ? sentence : "";
}

/**
 * @template T
 * @param {string} path below /api/v1
 * @param {Asked} [asked]
 * @returns {Promise<Answer<T>>}
 */
export async function read(path, asked = {}) {
    return await request("GET", path, asked);
}

/**
 * Return the body of a GET alone.
 *
 * @template T
 * @param {string} path
 * @param {Query} [query]
 * @returns {Promise<T>}
 */
export async function get(path, query) {
    return (await request("GET", path, { query })).value;
}

/**
 * Return a file. It may take longer than any other answer, so what has a bound is the wait for its beginning; one that
 * breaks off is no file at all.
 *
 * @param {string} path
 * @returns {Promise<{name: string, content: Blob}>}
 */
export async function file(path) {
    const started = new AbortController();
    const timer = setTimeout(() => started.abort(), TIMEOUT_MS);
    try {
        const answer = await fetch(address(path, {}), { ...prepared("GET", {}), signal: started.signal });
        clearTimeout(timer);
        if (!answer.ok) {
            throw new Problem(answer.status, await answer.json());
        }
        const name = /filename="([\w.-]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "";
        return { name, content: await answer.blob() };
    } catch (error) {
        throw error instanceof Problem ? error : new Problem(UNREACHABLE, {});
    } finally {
        clearTimeout(timer);
    }
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} [body]
 * @param {Asked} [asked]
 * @returns {Promise<Answer<T>>}
 */
export async function post(path, body = {}, asked = {}) {
    return await request("POST", path, { ...asked, body });
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} body
 * @param {Asked} [asked]
 * @returns {Promise<Answer<T>>}
 */
export async function patch(path, body, asked = {}) {
    return await request("PATCH", path, { ...asked, body });
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} body
 * @param {Asked} [asked]
 * @returns {Promise<Answer<T>>}
 */
export async function put(path, body, asked = {}) {
    return await request("PUT", path, { ...asked, body });
}

/**
 * @template T
 * @param {string} path
 * @param {Asked} [asked]
 * @returns {Promise<Answer<T>>}
 */
export async function remove(path, asked = {}) {
    return await request("DELETE", path, asked);
}

/**
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {Asked} asked
 * @returns {Promise<Answer<T>>}
 */
async function request(method, path, asked) {
    const options = prepared(method, asked);
    // A change with a version can't happen twice either: the second would name a version that is gone.
    const isRepeatable = method === "GET" || method === "POST";
    for (let attempt = 1; ; attempt++) {
        const found = await once(address(path, asked.query), options, asked.signal);
        if (!(found instanceof Problem)) {
            return /** @type {Answer<T>} */ (found);
        }
        const isPassing = found.status === UNREACHABLE || found.status === 503;
        if (!isPassing || !isRepeatable || attempt >= ATTEMPTS_MAX || asked.signal?.aborted) {
            throw found;
        }
        const delay = Math.min(DELAY_MS_MAX, found.retryAfterMs ?? DELAY_MS * 2 ** attempt);
        await new Promise((resolve) => setTimeout(resolve, delay * (0.75 + Math.random() / 2)));
    }
}

/**
 * @param {string} method
 * @param {Asked} asked
 * @returns {RequestInit}
 */
function prepared(method, asked) {
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (asked.body !== undefined) {
        headers["content-type"] = "application/json";
    }
    if (method === "POST") {
        headers["idempotency-key"] = asked.key ?? newOperation(Date.now());
    }
    if (asked.version !== undefined && asked.version !== null) {
        headers["if-match"] = `"${asked.version}"`;
    }
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
    return {
        method,
        headers,
        credentials: "same-origin",
        // An ETag here is a version to change, not a promise that everything around it is the same.
        cache: "no-store",
        // A change is made even if the page is left meanwhile.
        keepalive: method !== "GET" && (body?.length ?? 0) <= KEPT_ALIVE_MAX,
        body,
    };
}

/**
 * @param {string} path
 * @param {Query | undefined} query
 */
function address(path, query = {}) {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== null && value !== undefined && value !== "") {
            parameters.set(name, String(value));
        }
    }
    const text = parameters.toString();
    return `${ROOT}${path}${text && `?${text}`}`;
}

/**
 * @param {string} url
 * @param {RequestInit} options
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Answer<any> | Problem>}
 */
async function once(url, options, signal) {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
        const answer = await fetch(url, { ...options, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
        const isJson = (answer.headers.get("content-type") ?? "").includes("json");
        const value = isJson ? await answer.json() : null;
        if (!answer.ok) {
            return new Problem(answer.status, value ?? {});
        }
        const tag = /^(?:W\/)?"(\d+)"$/.exec(answer.headers.get("etag") ?? "");
        return { value, version: tag ? Number(tag[1]) : null, status: answer.status };
    } catch (error) {
        if (signal?.aborted) {
            throw error;
        }
        return new Problem(UNREACHABLE, {});
    }
}

/**
 * Return what was thrown as a Problem; anything else is a mistake of ours and is told as one.
 *
 * @param {unknown} thrown
 * @returns {Problem}
 */
export function problemOf(thrown) {
    if (thrown instanceof Problem) {
        return thrown;
    }
    console.error(thrown);
    return new Problem(500, {});
}
