// The wire's records as the pages see them. Written by `python -m web.wire_types`, not by hand.

/** So many tickets of one type. `price_minor` is what the buyer names for each, if the type lets them. */
export interface Line {
    ticket_type: string;
    quantity: number;
    price_minor?: number | null;
}

/** How many tickets of a type can be had now. */
export interface TypeAvailability {
    ticket_type: string;
    free: number;
    price_minor: number;
    is_on_sale: boolean;
    price_min_minor?: number | null;
    tier_until_ms?: number | null;
    tier_left?: number | null;
}

/** What everybody may know of an event's sale. */
export interface EventState {
    status: string;
    opens_at_ms: number;
    currency: string;
    ticket_types: TypeAvailability[];
}

/** Where a pool's capacity is. */
export interface PoolSales {
    pool: string;
    capacity: number;
    free: number;
    held: number;
    sold: number;
    withheld: number;
}

/** Held tickets of one type at one agreed price; a type whose tickets differ in price has several lines. */
export interface HeldLine {
    ticket_type: string;
    quantity: number;
    unit_price_minor: number;
    list_price_minor: number;
}

/** A ticket: `code` is what its QR shows. */
export interface Ticket {
    ticket: string;
    ticket_type: string;
    code: string;
}

/** A hidden ticket type that a code shows, with its name and how many can be had now. */
export interface UnlockedType {
    name: string;
    description: string;
    quantity_min: number;
    quantity_max: number;
    availability: TypeAvailability;
    tax_basis_points: number;
    valid_days: string[];
}

/** How many tickets of a type are held and sold, and `free`: what is left in the scarcest of its pools. */
export interface TypeSales {
    ticket_type: string;
    free: number;
    held: number;
    sold: number;
}

/** What a buyer says to one of the event's questions. */
export interface Answer {
    question: string;
    text: string;
    ticket?: number | null;
}

/** Ask for the server's time. Answered by `pong`. */
export interface Ping {
    type: "ping";
    id: number;
}

/** Follow an event. Answered by `watching`; then `availability` is pushed whenever it changes. */
export interface Watch {
    type: "watch";
    id: number;
    event: string;
    version?: number | null;
}

/** Stop following an event. Answered by `done`. */
export interface Unwatch {
    type: "unwatch";
    id: number;
    event: string;
}

/** Follow an event's sale as its organizer: `sales` is pushed whenever it changes. Answered by `watching_sales`. It takes the right `sales.watch`; the connection is closed with 4403 when that is taken away. */
export interface WatchSales {
    type: "watch_sales";
    id: number;
    event: string;
    key?: string;
}

/** Reserve tickets, all lines or none. Answered by `held`. */
export interface Hold {
    type: "hold";
    id: number;
    operation: string;
    event: string;
    lines: Line[];
    codes?: string[];
}

/** Ask what a code is good for, without using it. Answered by `unlocked`. */
export interface Unlock {
    type: "unlock";
    id: number;
    event: string;
    code: string;
}

/** Give a hold its one extension. Answered by `extended`. */
export interface Extend {
    type: "extend";
    id: number;
    operation: string;
    event: string;
    hold: string;
}

/** Give a hold back. Answered by `released`. */
export interface Release {
    type: "release";
    id: number;
    operation: string;
    event: string;
    hold: string;
}

/** Pay for a hold and get its tickets. Answered by `purchased`. Where an answer is missing, it is refused with `answers_wanted`, whose details say to which `question` (`label`, `kind`, `choices` a line each) of which `ticket`; one that can't be used with `invalid`, `question`, `ticket` and a `reason`. */
export interface Purchase {
    type: "purchase";
    id: number;
    operation: string;
    event: string;
    hold: string;
    amount_minor: number;
    payment: string;
    answers?: Answer[];
}

/** The server's time now. */
export interface Pong {
    type: "pong";
    id: number;
    time_ms: number;
}

/** The request had its effect and there is nothing more to say. */
export interface Done {
    type: "done";
    id: number;
}

/** The request was refused and changed nothing. */
export interface Refused {
    type: "refused";
    id: number | null;
    code: string;
    message: string;
    retry_after_ms: number | null;
    details: Record<string, string | number | null>;
}

/** The event is followed from here on. `state` is null when the client has this version. */
export interface Watching {
    type: "watching";
    id: number;
    event: string;
    version: number;
    time_ms: number;
    state: EventState | null;
}

/** The event's sale is followed from here on. */
export interface WatchingSales {
    type: "watching_sales";
    id: number;
    event: string;
    version: number;
    time_ms: number;
    status: string;
    pools: PoolSales[];
    ticket_types: TypeSales[];
}

/** The tickets are reserved until `expires_at_ms`. `discount_minor` is taken off already. */
export interface Held {
    type: "held";
    id: number;
    hold: string;
    event: string;
    lines: HeldLine[];
    amount_minor: number;
    discount_minor: number;
    currency: string;
    expires_at_ms: number;
    time_ms: number;
}

/** What a code is good for now. Nothing was used. */
export interface Unlocked {
    type: "unlocked";
    id: number;
    event: string;
    kind: string;
    percent_bp: number;
    amount_minor: number;
    is_per_order: boolean;
    ticket_types: string[];
    quantity_min: number;
    ends_ms: number | null;
    left: number | null;
    unlocked: UnlockedType[];
}

/** The hold lasts longer. */
export interface Extended {
    type: "extended";
    id: number;
    hold: string;
    expires_at_ms: number;
}

/** The hold is gone. */
export interface Released {
    type: "released";
    id: number;
    hold: string;
}

/** The tickets are issued; they are also in the buyer's orders. */
export interface Purchased {
    type: "purchased";
    id: number;
    order: string;
    event: string;
    amount_minor: number;
    currency: string;
    tickets: Ticket[];
}

/** The first message of a connection. */
export interface Welcome {
    type: "welcome";
    version: number;
    buyer: string;
    time_ms: number;
    heartbeat_ms: number;
    guest?: string | null;
}

/** A followed event's state changed. Only the newest is worth reading; older ones may be left out. */
export interface Availability {
    type: "availability";
    event: string;
    version: number;
    state: EventState;
}

/** The sale of an event that the organizer follows changed. */
export interface Sales {
    type: "sales";
    event: string;
    version: number;
    time_ms: number;
    status: string;
    pools: PoolSales[];
    ticket_types: TypeSales[];
}

/** A request waits for its turn: so many came before it and are not decided yet. */
export interface Waiting {
    type: "waiting";
    id: number;
    ahead: number;
}

/** One of the buyer's holds is about to expire. */
export interface HoldExpiring {
    type: "hold_expiring";
    event: string;
    hold: string;
    expires_at_ms: number;
}

/** One of the buyer's holds has expired; its tickets are on sale again. */
export interface HoldExpired {
    type: "hold_expired";
    event: string;
    hold: string;
}

/** The gateway stops soon: connect again, within `within_ms`. */
export interface Draining {
    type: "draining";
    within_ms: number;
}

export type ClientMessage =
    | Ping
    | Watch
    | Unwatch
    | WatchSales
    | Hold
    | Unlock
    | Extend
    | Release
    | Purchase;

export type ServerMessage =
    | Pong
    | Done
    | Refused
    | Watching
    | WatchingSales
    | Held
    | Unlocked
    | Extended
    | Released
    | Purchased
    | Welcome
    | Availability
    | Sales
    | Waiting
    | HoldExpiring
    | HoldExpired
    | Draining;

export type Reply =
    | Pong
    | Done
    | Refused
    | Watching
    | WatchingSales
    | Held
    | Unlocked
    | Extended
    | Released
    | Purchased;

export type Push =
    | Welcome
    | Availability
    | Sales
    | Waiting
    | HoldExpiring
    | HoldExpired
    | Draining;
