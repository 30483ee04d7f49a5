// One place that knows how views are written: Preact through tagged templates, redrawn by signals.
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

/** @typedef {import("../vendor/preact.js").Child} Child */
/** @typedef {import("../vendor/preact.js").VNode} VNode */
/**
 * @template T
 * @typedef {import("../vendor/signals.js").Signal<T>} Signal
 */
/**
 * @template T
 * @typedef {import("../vendor/signals.js").ReadonlySignal<T>} ReadonlySignal
 */

export const html = htm.bind(h);
export { Fragment, render } from "../vendor/preact.js";
export { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
export { batch, computed, effect, signal, untracked } from "../vendor/signals.js";
