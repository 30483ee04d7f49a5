// How every part of the platform is, asked again and again while somebody looks.
import { get, problemOf } from "../shared/api.js";
import { ActionButton } from "../shared/forms.js";
import { count } from "../shared/formats.js";
import { html, useEffect, useRef, useState } from "../shared/html.js";
import { has, locale, t } from "../shared/i18n.js";
import { PageHead } from "../shared/parts.js";
import { Failure, Skeleton } from "../shared/resource.js";
import { showPlatform } from "./frame.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/api.js").Problem} Problem */
/** @typedef {{part: string, is_well: boolean, took_ms: number, detail: string}} PartHealth */
/** @typedef {{is_well: boolean, parts: PartHealth[]}} HealthView */
/** @typedef {{took_ms: number, is_well: boolean}} Answered */

const EVERY_MS = 5_000;
const KEPT_MAX = 40;
const SLOW_MS = 3_000;

/** @returns {Child} */
function Health() {
    const [health, setHealth] = useState(/** @type {HealthView | null} */ (null));
    const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
    const [askedAtMs, setAskedAtMs] = useState(0);
    const [isPaused, setPaused] = useState(false);
    const histories = useRef(/** @type {Map<string, Answered[]>} */ (new Map()));

    const askAll = async () => {
        try {
            const found = /** @type {HealthView} */ (await get("/admin/health"));
            for (const part of found.parts) {
                const known = histories.current?.get(part.part) ?? [];
                histories.current?.set(part.part, [...known, part].slice(-KEPT_MAX));
            }
            setHealth(found);
            setProblem(null);
        } catch (thrown) {
            setProblem(problemOf(thrown));
        }
        setAskedAtMs(Date.now());
    };
    useEffect(() => {
        let timer = 0;
        let isOver = false;
        const turn = async () => {
            if (!document.hidden) {
                await askAll();
            }
            // After the answer, so that a slow platform is not asked by ever more at once.
            timer = isOver ? 0 : setTimeout(turn, EVERY_MS);
        };
        if (!isPaused) {
            void turn();
        }
        return () => {
            isOver = true;
            clearTimeout(timer);
        };
    }, [isPaused]);

    const pause = html`<${ActionButton} onPress=${async () => setPaused(!isPaused)}>${t(isPaused ? "admin.health.go_on" : "admin.health.pause")}<//>`;
    return html`
        <${PageHead} title=${t("admin.health.title")} text=${t("admin.health.text")}>${pause}<//>
        ${health === null
            ? problem
                ? html`<${Failure} problem=${problem} onRetry=${askAll} />`
                : html`<${Skeleton} kind="rows" lines=${4} />`
            : html`<${Verdict} health=${health} problem=${problem} askedAtMs=${askedAtMs} />
                  <ul class="health-parts" data-stale=${problem !== null}>
                      ${health.parts.map((part) => html`<${Part} key=${part.part} part=${part} history=${histories.current?.get(part.part) ?? []} />`)}
                  </ul>`}
    `;
}

/**
 * @param {{health: HealthView, problem: Problem | null, askedAtMs: number}} given
 * @returns {Child}
 */
function Verdict({ health, problem, askedAtMs }) {
    const failed = health.parts.filter((part) => !part.is_well).length;
    const tone = problem ? "warn" : failed > 0 ? "danger" : "good";
    const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(askedAtMs);
    const title = problem ? t("admin.health.unknown") : failed > 0 ? t("admin.health.not_well", { count: failed }) : t("admin.health.well");
    return html`<div class="health-verdict" data-tone=${tone}>
        <${Mark} tone=${tone} />
        <div>
            <p class="health-title" role="status">${title}</p>
            ${problem && html`<p>${t("admin.health.unknown_text", { problem: problem.text })}</p>`}
            <p class="health-when">${t("admin.health.asked", { time })}</p>
        </div>
    </div>`;
}

const MARKS = /** @type {Record<string, string>} */ ({
    good: "M6.500 12.500l3.500 3.500 7.500-8",
    warn: "M12 7v6M12 16.500v0",
    danger: "M7.500 7.500l9 9M16.500 7.500l-9 9",
});

/**
 * @param {{tone: string}} given
 * @returns {Child}
 */
function Mark({ tone }) {
    return html`<svg class="health-mark" data-tone=${tone} viewBox="0 0 24 24" aria-hidden="true">
        <circle cx="12" cy="12" r="11" />
        <path d=${MARKS[tone]} />
    </svg>`;
}

/**
 * @param {{part: PartHealth, history: Answered[]}} given
 * @returns {Child}
 */
function Part({ part, history }) {
    const tone = part.is_well ? "good" : "danger";
    const name = partName(part.part);
    return html`<li class="health-part" data-tone=${tone}>
        <div class="health-part-head">
            <h2>${name}</h2>
            <span class="badge" data-tone=${tone}>${t(part.is_well ? "admin.health.part_well" : "admin.health.part_not_well")}</span>
        </div>
        <p class="quiet small"><bdi lang="en">${part.detail}</bdi></p>
        <div class="health-part-foot">
            <${History} name=${name} history=${history} />
            <span class="health-took">${t("admin.health.took", { count: part.took_ms })}</span>
        </div>
    </li>`;
}

const WIDTH = 160;
const HEIGHT = 32;
const BAR = WIDTH / KEPT_MAX;

/**
 * How long each of the last answers took. The scale is logarithmic: what matters is whether it is 5 ms or 500.
 *
 * @param {{name: string, history: Answered[]}} given
 * @returns {Child}
 */
function History({ name, history }) {
    const failed = history.filter((one) => !one.is_well).length;
    const slowest = Math.max(0, ...history.map((one) => one.took_ms));
    const label = t("admin.health.history", { part: name, asked: history.length, failed, slowest: count(slowest) });
    const left = WIDTH - history.length * BAR;
    return html`<svg class="health-history" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${label}>
        ${history.map((one, at) => {
            const share = Math.min(1, Math.log10(1 + one.took_ms) / Math.log10(1 + SLOW_MS));
            const height = one.is_well ? Math.max(2, share * HEIGHT) : HEIGHT;
            return html`<rect data-tone=${one.is_well ? "good" : "danger"} x=${left + at * BAR} y=${HEIGHT - height} width=${BAR - 1} height=${height} />`;
        })}
    </svg>`;
}

/** @param {string} part as the server calls it */
function partName(part) {
    const [, number] = /^Shard (\d+)$/.exec(part) ?? [];
    if (number !== undefined) {
        return t("admin.part.shard", { number });
    }
    const key = `admin.part.${part.toLowerCase()}`;
    return has(key) ? t(key) : part;
}

void showPlatform("health", () => html`<${Health} />`);
