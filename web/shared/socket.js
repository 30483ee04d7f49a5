// Getting a socket: the session (a cookie), a single-use ticket, the websocket; and when to try again.

const KNOWN_VISITOR = "bilten:1:visitor";
const SUBPROTOCOL = "bilten.v1.json";
const HTTP_TIMEOUT_MS = 8_000;
const DELAY_MS_MIN = 250;
const DELAY_MS_MAX = 12_000;
// Told to go away: coming back at once would make it worse, or be told the same.
const DELAY_MS_FULL = 5_000;
const CLOSED_FULL = new Set([4409, 4429, 4503]);
const CLOSED_FOR_LONG = new Set([...CLOSED_FULL, 1002, 1003, 1009, 4400, 4413]);
const CLOSED_DRAINING = 1001;

/** The server is there and has no room. */
class FullError extends Error {
    name = "FullError";
}

/** Says when to try again: exponential backoff with jitter, and a number for each attempt so that a late one is known. */
export class Reconnection {
    #failures = 0;
    #attempt = 0;

    begin() {
        return ++this.#attempt;
    }

    /** @param {number} attempt */
    isCurrent(attempt) {
        return attempt === this.#attempt;
    }

    reset() {
        this.#failures = 0;
    }

    /**
     * Return how long to wait after a connection was lost or not got.
     *
     * @param {number} [code] of the websocket's close
     */
    delayMs(code) {
        // An attempt that is still under way must not come to life later.
        this.#attempt++;
        if (code === CLOSED_DRAINING && this.#failures === 0) {
            return Math.random() * DELAY_MS_MIN;
        }
        const bound = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** this.#failures++);
        const least = code !== undefined && CLOSED_FOR_LONG.has(code) ? DELAY_MS_FULL : 0;
        return least + bound * (0.5 + Math.random() / 2);
    }
}

/**
 * Open a websocket for this browser's buyer. Resolves when it is open.
 *
 * @returns {Promise<WebSocket>}
 */
export async function openSocket() {
    const ticket = await socketTicket();
    const address = new URL("/ws", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("ticket", ticket);
    return await new Promise((resolve, reject) => {
        const socket = new WebSocket(address, SUBPROTOCOL);
        const timer = setTimeout(() => {
            socket.close();
            reject(new Error("the websocket did not open in time"));
        }, HTTP_TIMEOUT_MS);
        socket.onopen = () => {
            clearTimeout(timer);
            resolve(socket);
        };
        socket.onclose = (closed) => {
            clearTimeout(timer);
            reject(CLOSED_FULL.has(closed.code) ? new FullError() : new Error(`closed with ${closed.code}`));
        };
    });
}

/** Whether this browser was here before, so that it most likely has a session. */
export function isKnownVisitor() {
    try {
        return localStorage.getItem(KNOWN_VISITOR) !== null;
    } catch {
        return false;
    }
}

/** @returns {Promise<string>} */
async function socketTicket() {
    if (!isKnownVisitor()) {
        await openSession();
    }
    let answer = await post("/api/v1/socket-ticket");
    if (answer.status === 401) {
        // The session has ended.
        await openSession();
        answer = await post("/api/v1/socket-ticket");
    }
    if (!answer.ok) {
        throw problem(answer);
    }
    return (await answer.json()).ticket;
}

/** Opens a session, or finds the one that there is. */
async function openSession() {
    const session = await post("/api/v1/session");
    if (!session.ok) {
        throw problem(session);
    }
    try {
        localStorage.setItem(KNOWN_VISITOR, "1");
    } catch {
        // Without storage every connection asks for its session first.
    }
}

/** @param {Response} answer */
function problem(answer) {
    return answer.status === 429 || answer.status === 503 ? new FullError() : new Error(`status ${answer.status}`);
}

/** @param {string} path */
function post(path) {
    return fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
        credentials: "same-origin",
        signal: AbortSignal.timeout(HTTP_TIMEOUT_MS),
    });
}
