// A picture for an event that has none: arcs of light over a stage, drawn from the event's name, so that an event looks
// the same everywhere and two events look different.
import { html } from "./html.js";

/** @typedef {import("./html.js").Child} Child */

const WIDTH = 1200;
const HEIGHT = 675;
// Two hues that go well together, from night to light.
const PALETTES = [
    { sky: "#0f2e2a", deep: "#123f39", light: "#f2b56b", glow: "#e8734a", line: "#8fd9c4" },
    { sky: "#1d2340", deep: "#2b3566", light: "#f6c5a0", glow: "#e0637a", line: "#a9b8f5" },
    { sky: "#2c1a2e", deep: "#4a2747", light: "#f7d08a", glow: "#e2694f", line: "#e3a6cf" },
    { sky: "#10293d", deep: "#17425f", light: "#f3dc9b", glow: "#ef8a54", line: "#8ec9ea" },
    { sky: "#2a2414", deep: "#4b3d1c", light: "#f4e3b0", glow: "#d9683c", line: "#d8c184" },
];

/**
 * Return a small generator of numbers from 0 to 1 that begins the same for the same text.
 *
 * @param {string} text
 */
function numbers(text) {
    let state = 2166136261;
    for (const letter of text) {
        state = Math.imul(state ^ letter.charCodeAt(0), 16777619);
    }
    return () => {
        state = Math.imul(state ^ (state >>> 15), 0x85ebca6b);
        state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
        return ((state ^= state >>> 16) >>> 0) / 2 ** 32;
    };
}

/**
 * @param {{seed: string}} given
 * @returns {Child}
 */
export function Poster({ seed }) {
    const next = numbers(seed);
    const palette = PALETTES[Math.floor(next() * PALETTES.length)] ?? PALETTES[0];
    if (!palette) {
        return null;
    }
    const sunX = WIDTH * (0.55 + next() * 0.3);
    const sunY = HEIGHT * (0.62 + next() * 0.12);
    const radius = 130 + next() * 50;
    const gap = 34 + next() * 16;
    const rings = Array.from({ length: 12 }, (_, at) => ({
        r: radius + gap * (at + 1) * (1 + at * 0.045),
        opacity: 0.62 * 0.78 ** at,
        width: Math.max(1.5, 9 - at * 0.8),
    }));
    const phase = next() * 6;
    const bars = Array.from({ length: 61 }, (_, at) => {
        const swing = Math.sin(at * 0.33 + phase) * 0.5 + Math.sin(at * 0.117 + phase * 2) * 0.5;
        return { x: at * 20 - 4, height: 34 + (swing + 1) * 38 + next() * 26 };
    });
    return html`
        <svg class="poster-art" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
            <defs>
                <linearGradient id=${`sky-${seed}`} x1="0" y1="0" x2="0" y2="1">
                    <stop offset="0" stop-color=${palette.sky} />
                    <stop offset="1" stop-color=${palette.deep} />
                </linearGradient>
                <radialGradient id=${`glow-${seed}`} cx=${sunX / WIDTH} cy=${sunY / HEIGHT} r="0.62">
                    <stop offset="0" stop-color=${palette.glow} stop-opacity="0.85" />
                    <stop offset="0.45" stop-color=${palette.glow} stop-opacity="0.22" />
                    <stop offset="1" stop-color=${palette.glow} stop-opacity="0" />
                </radialGradient>
                <linearGradient id=${`sun-${seed}`} x1="0" y1="0" x2="0" y2="1">
                    <stop offset="0" stop-color=${palette.light} />
                    <stop offset="1" stop-color=${palette.glow} />
                </linearGradient>
            </defs>
            <rect width=${WIDTH} height=${HEIGHT} fill=${`url(#sky-${seed})`} />
            <rect width=${WIDTH} height=${HEIGHT} fill=${`url(#glow-${seed})`} />
            <g fill="none" stroke=${palette.line}>
                ${rings.map(
                    (ring) =>
                        html`<circle cx=${sunX} cy=${sunY} r=${ring.r} stroke-width=${ring.width} stroke-opacity=${ring.opacity} />`,
                )}
            </g>
            <circle cx=${sunX} cy=${sunY} r=${radius} fill=${`url(#sun-${seed})`} />
            <g fill=${palette.sky}>
                ${bars.map((bar) => html`<rect x=${bar.x} y=${HEIGHT - bar.height} width="15" height=${bar.height + 8} rx="7.5" />`)}
            </g>
        </svg>
    `;
}
