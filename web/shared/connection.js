// The connection to the gateway: session, socket ticket, websocket; heartbeat; reconnecting; resuming.
//
// Losing the socket loses nothing. Every request that is not answered yet is sent again on the next connection with the
// same operation id, to which the server gives its first answer; every followed topic is asked for again with the
// version that is held, and only a newer state comes back.
import { Reconnection, openSocket } from "./socket.js";

/** @typedef {import("./wire").Reply} Reply */
/** @typedef {import("./wire").Refused} Refused */
/** @typedef {import("./wire").ServerMessage} ServerMessage */
/** @typedef {import("./wire").EventState} EventState */
/** @typedef {import("./wire").WatchingSales | import("./wire").Sales} SalesState */
/** @typedef {import("./clock.js").ServerClock} ServerClock */
/** @typedef {"connecting" | "online" | "lost"} ConnectionState */

/**
 * @template T
 * @typedef {T extends {id: number} ? Omit<T, "id"> : never} WithoutId
 */
/** @typedef {WithoutId<import("./wire").ClientMessage>} RequestBody */

/**
 * @typedef {object} Pending
 * @property {RequestBody} body
 * @property {(reply: Reply) => void} resolve
 * @property {(ahead: number) => void} onWaiting
 * @property {number} sentAt ticks
 */

/**
 * @typedef {object} Topic
 * @property {(version: number | null) => RequestBody} request
 * @property {number | null} version the newest that is held
 * @property {(message: any) => void} take
 * @property {(refused: Refused) => void} onRefused
 */

/**
 * @typedef {object} Listeners
 * @property {(state: ConnectionState) => void} onState
 * @property {(push: import("./wire").Push) => void} onPush what no topic took
 * @property {(buyer: string, guest: string | null) => void} onWelcome
 */

const HEARTBEATS_MISSED_MAX = 3;
const HEARTBEAT_MS_DEFAULT = 15_000;
// After a page was hidden or the network changed, a live connection answers within this.
const PROBE_MS = 4_000;
const RETRY_MS_DEFAULT = 1_000;
// The server answers or refuses well within this. If an answer was lost on the way, asking again gets it.
const ANSWER_MS_MAX = 45_000;

export class Connection {
    #clock;
    #listeners;
    #reconnection = new Reconnection();
    /** @type {WebSocket | null} */
    #socket = null;
    #isWelcome = false;
    #isStopped = true;
    #isLeaving = false;
    #isOpening = false;
    #heartbeatMs = HEARTBEAT_MS_DEFAULT;
    #heardAt = 0;
    #beatAt = 0;
    #nextId = 1;
    /** @type {Map<number, Pending>} by the id under which it was sent; a negative one is not sent yet */
    #pending = new Map();
    #unsent = -1;
    /** @type {Map<number, number>} ticks at which a ping was sent, by its id */
    #pings = new Map();
    /** @type {Map<string, Topic>} */
    #topics = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    #timer;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #heartbeat;

    /**
     * @param {ServerClock} clock
     * @param {Listeners} listeners
     */
    constructor(clock, listeners) {
        this.#clock = clock;
        this.#listeners = listeners;
    }

    /** Connect, and stay connected. */
    start() {
        this.#isStopped = false;
        addEventListener("online", () => this.#hurry());
        addEventListener("offline", () => this.#lose());
        addEventListener("pageshow", (shown) => shown.persisted && this.#probe());
        document.addEventListener("visibilitychange", () => this.#probe());
        this.#connect();
    }

    /** How many requests wait for their answer. */
    get waiting() {
        return this.#pending.size;
    }

    /**
     * Send a request, again on each new connection until it is answered. Resolves to its reply, which may be `refused`;
     * never rejects.
     *
     * @param {RequestBody} body
     * @param {(ahead: number) => void} [onWaiting] told how many requests come before this one
     * @returns {Promise<Reply>}
     */
    request(body, onWaiting = () => {}) {
        return new Promise((resolve) => {
            const pending = { body, resolve, onWaiting, sentAt: 0 };
            if (this.#isWelcome) {
                this.#send(pending);
            } else {
                this.#pending.set(this.#unsent--, pending);
            }
        });
    }

    /**
     * Follow an event's public state.
     *
     * @param {string} event
     * @param {(state: EventState) => void} onState
     * @param {(refused: Refused) => void} [onRefused]
     */
    follow(event, onState, onRefused = () => {}) {
        this.#followTopic(`event ${event}`, {
            request: (version) => ({ type: "watch", event, version }),
            version: null,
            take: (message) => message.state && onState(message.state),
            onRefused,
        });
    }

    /**
     * Follow an event's sale as somebody who is signed in and may watch it.
     *
     * @param {string} event
     * @param {(state: SalesState) => void} onState
     * @param {(refused: Refused) => void} onRefused
     */
    followSales(event, onState, onRefused) {
        this.#followTopic(`sales ${event}`, {
            request: () => ({ type: "watch_sales", event }),
            version: null,
            take: onState,
            onRefused,
        });
    }

    /**
     * @param {string} name
     * @param {Topic} topic
     */
    #followTopic(name, topic) {
        this.#topics.set(name, topic);
        if (this.#isWelcome) {
            void this.#subscribe(topic);
        }
    }

    /** @param {Topic} topic */
    async #subscribe(topic) {
        const socket = this.#socket;
        const reply = await new Promise((/** @type {(reply: Reply) => void} */ resolve) => {
            // Not kept for the next connection, which subscribes by itself.
            this.#send({ body: topic.request(topic.version), resolve, onWaiting: () => {}, sentAt: 0 });
        });
        if (reply.type !== "refused") {
            return;
        }
        topic.onRefused(reply);
        if (reply.retry_after_ms !== null || reply.code === "busy" || reply.code === "rate_limited") {
            const delay = (reply.retry_after_ms ?? RETRY_MS_DEFAULT) * (1 + Math.random());
            setTimeout(() => socket === this.#socket && this.#isWelcome && void this.#subscribe(topic), delay);
        }
    }

    async #connect() {
        clearTimeout(this.#timer);
        const attempt = this.#reconnection.begin();
        this.#isOpening = true;
        try {
            const socket = await openSocket();
            if (!this.#reconnection.isCurrent(attempt)) {
                socket.close(1000);
                return;
            }
            this.#isOpening = false;
            this.#socket = socket;
            socket.onmessage = (message) => socket === this.#socket && this.#receive(message.data);
            socket.onclose = (closed) => socket === this.#socket && this.#lose(closed.code);
            this.#heardAt = this.#clock.ticks();
            // The welcome has to come within the time that a heartbeat would have.
            this.#timer = setTimeout(() => this.#isWelcome || this.#lose(), PROBE_MS * 2);
        } catch (problem) {
            if (this.#reconnection.isCurrent(attempt)) {
                this.#lose(problem instanceof Error && problem.name === "FullError" ? 4503 : undefined);
            }
        }
    }

    /** @param {number} [code] with which the socket was closed */
    #lose(code) {
        const socket = this.#socket;
        this.#socket = null;
        this.#isWelcome = false;
        this.#isLeaving = false;
        this.#isOpening = false;
        clearInterval(this.#heartbeat);
        clearTimeout(this.#timer);
        this.#pings.clear();
        if (socket && socket.readyState <= WebSocket.OPEN) {
            socket.close(1000);
        }
        this.#dropSubscriptions();
        if (this.#isStopped) {
            return;
        }
        this.#listeners.onState("lost");
        this.#timer = setTimeout(() => this.#connect(), this.#reconnection.delayMs(code));
    }

    /** Connect now instead of at the end of the wait. */
    #hurry() {
        if (!this.#isStopped && !this.#isOpening && !this.#socket) {
            this.#reconnection.reset();
            void this.#connect();
        }
    }

    /** See whether the connection is still there, after the page was hidden or frozen. */
    #probe() {
        if (document.visibilityState !== "visible" || this.#isStopped) {
            return;
        }
        if (!this.#isWelcome) {
            this.#hurry();
            return;
        }
        const socket = this.#socket;
        const heardAt = this.#heardAt;
        this.#ping();
        setTimeout(() => {
            if (socket === this.#socket && this.#heardAt === heardAt) {
                this.#lose();
            }
        }, PROBE_MS);
    }

    #ping() {
        const id = this.#nextId++;
        this.#pings.set(id, this.#clock.ticks());
        this.#write({ type: "ping", id });
    }

    #beat() {
        const now = this.#clock.ticks();
        // A page that was frozen has heard nothing either: what has come meanwhile is read after this.
        const wasFrozen = now - this.#beatAt > this.#heartbeatMs * 1.5;
        this.#beatAt = now;
        if (!wasFrozen && now - this.#heardAt > this.#heartbeatMs * HEARTBEATS_MISSED_MAX) {
            this.#lose();
            return;
        }
        this.#ping();
        for (const [id, pending] of [...this.#pending]) {
            if (now - pending.sentAt > ANSWER_MS_MAX) {
                this.#pending.delete(id);
                this.#send(pending);
            }
        }
    }

    /** @param {Pending} pending */
    #send(pending) {
        const id = this.#nextId++;
        pending.sentAt = this.#clock.ticks();
        this.#pending.set(id, pending);
        this.#write({ ...pending.body, id });
    }

    /** @param {object} message */
    #write(message) {
        if (this.#socket?.readyState === WebSocket.OPEN) {
            this.#socket.send(JSON.stringify(message));
        }
    }

    /** @param {string} data */
    #receive(data) {
        this.#heardAt = this.#clock.ticks();
        /** @type {ServerMessage} */
        const message = JSON.parse(data);
        switch (message.type) {
            case "welcome":
                this.#welcome(message);
                break;
            case "waiting":
                this.#pending.get(message.id)?.onWaiting(message.ahead);
                break;
            case "pong":
                this.#pong(message);
                break;
            case "availability":
                this.#takeState(`event ${message.event}`, message);
                break;
            case "sales":
                this.#takeState(`sales ${message.event}`, message);
                break;
            case "draining":
                this.#isLeaving = true;
                setTimeout(() => this.#leaveIfIdle(), Math.random() * Math.min(message.within_ms / 2, 3000));
                break;
            case "hold_expiring":
            case "hold_expired":
                this.#listeners.onPush(message);
                break;
            default:
                this.#answer(message);
        }
    }

    /** @param {import("./wire").Welcome} message */
    #welcome(message) {
        this.#isWelcome = true;
        this.#heartbeatMs = message.heartbeat_ms;
        this.#reconnection.reset();
        clearTimeout(this.#timer);
        this.#beatAt = this.#clock.ticks();
        this.#heartbeat = setInterval(() => this.#beat(), message.heartbeat_ms);
        this.#listeners.onWelcome(message.buyer, message.guest ?? null);
        // The welcome was sent some time ago; a ping tells how long.
        this.#ping();
        for (const topic of this.#topics.values()) {
            void this.#subscribe(topic);
        }
        const again = [...this.#pending].filter(([, pending]) => !isSubscription(pending));
        for (const [id, pending] of again) {
            this.#pending.delete(id);
            this.#send(pending);
        }
        this.#listeners.onState("online");
    }

    /** @param {import("./wire").Pong} message */
    #pong(message) {
        const askedAt = this.#pings.get(message.id);
        if (askedAt !== undefined) {
            this.#pings.delete(message.id);
            this.#clock.sample(askedAt, this.#clock.ticks(), message.time_ms);
        }
    }

    /** @param {Exclude<Reply, import("./wire").Pong>} reply */
    #answer(reply) {
        // A refusal without an id is of something that the server could not read: a bug, and nobody waits for it.
        const pending = reply.id === null ? undefined : this.#pending.get(reply.id);
        if (!pending || reply.id === null) {
            return;
        }
        this.#pending.delete(reply.id);
        if (reply.type === "watching") {
            this.#takeState(`event ${reply.event}`, reply);
        } else if (reply.type === "watching_sales") {
            this.#takeState(`sales ${reply.event}`, reply);
        }
        pending.resolve(reply);
        this.#leaveIfIdle();
    }

    /**
     * @param {string} name
     * @param {{version: number, type: string}} message
     */
    #takeState(name, message) {
        const topic = this.#topics.get(name);
        // What answers a subscription is believed even when it is older: the server knows best what is true now.
        const isAnswer = message.type === "watching" || message.type === "watching_sales";
        if (topic && (isAnswer || topic.version === null || message.version > topic.version)) {
            topic.version = message.version;
            topic.take(message);
        }
    }

    /** A gateway that stops is left as soon as nothing is unanswered. */
    #leaveIfIdle() {
        if (this.#isLeaving && this.#pending.size === 0) {
            this.#lose(1001);
        }
    }

    #dropSubscriptions() {
        for (const [id, pending] of this.#pending) {
            if (isSubscription(pending)) {
                this.#pending.delete(id);
            }
        }
    }
}

/** @param {Pending} pending */
function isSubscription(pending) {
    return pending.body.type === "watch" || pending.body.type === "watch_sales";
}
