// What a view shows that comes from the server: under way, there, or failed with a way to try again.
import { problemOf } from "./api.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { t } from "./i18n.js";

/** @typedef {import("./html.js").Child} Child */
/** @typedef {import("./api.js").Problem} Problem */

/**
 * @template T
 * @typedef {object} Resource
 * @property {T | null} value stays while it is loaded again
 * @property {Problem | null} problem
 * @property {boolean} isLoading
 * @property {() => Promise<void>} reload
 * @property {(value: T) => void} set shows a value that is known without asking, such as the answer to a change
 */

/**
 * Load something when the view appears and whenever an input changes. Only the newest answer counts.
 *
 * @template T
 * @param {() => Promise<T>} load
 * @param {readonly unknown[]} [inputs]
 * @returns {Resource<T>}
 */
export function useResource(load, inputs = []) {
    const [state, setState] = useState(
        /** @type {{value: T | null, problem: Problem | null, isLoading: boolean}} */ ({ value: null, problem: null, isLoading: true }),
    );
    const turn = useRef(0);
    const reload = async () => {
        const own = (turn.current = (turn.current ?? 0) + 1);
        try {
            const value = await load();
            if (own === turn.current) {
                setState({ value, problem: null, isLoading: false });
            }
        } catch (thrown) {
            if (own === turn.current) {
                setState({ value: null, problem: problemOf(thrown), isLoading: false });
            }
        }
    };
    useEffect(() => {
        void reload();
    }, inputs);
    const set = (/** @type {T} */ value) => {
        turn.current = (turn.current ?? 0) + 1;
        setState({ value, problem: null, isLoading: false });
    };
    return { ...state, reload, set };
}

/**
 * Show a resource: its skeleton, its failure, or what `children` makes of it.
 *
 * @param {{resource: Resource<any>, skeleton?: Child, children: (value: any) => Child}} given
 * @returns {Child}
 */
export function Loaded({ resource, skeleton, children }) {
    if (resource.value !== null) {
        return children(resource.value);
    }
    if (resource.problem) {
        return html`<${Failure} problem=${resource.problem} onRetry=${resource.reload} />`;
    }
    return html`<div aria-busy="true">
        <span class="visually-hidden" role="status">${t("shared.loading")}</span>
        ${skeleton ?? html`<${Skeleton} />`}
    </div>`;
}

/**
 * @param {{lines?: number, kind?: "text" | "rows"}} given
 * @returns {Child}
 */
export function Skeleton({ lines = 5, kind = "text" }) {
    return html`<div class="skeleton" data-kind=${kind} aria-hidden="true">${Array.from({ length: lines }, () => html`<span></span>`)}</div>`;
}

/**
 * What a whole page is that failed.
 *
 * @param {{problem: Problem}} given
 * @returns {Child}
 */
export function FailedPage({ problem }) {
    return html`<h1 class="visually-hidden">${problem.status === 404 ? t("shared.not_found.title") : t("shared.failed.title")}</h1>
        <${Failure} problem=${problem} onRetry=${() => location.reload()} />`;
}

/**
 * @param {{problem: Problem, onRetry?: () => void}} given
 * @returns {Child}
 */
export function Failure({ problem, onRetry }) {
    return html`
        <div class="notice" role="alert">
            <p class="notice-title">${problem.status === 404 ? t("shared.not_found.title") : t("shared.failed.title")}</p>
            <p>${problem.text}</p>
            ${onRetry &&
            problem.status !== 404 &&
            html`<button type="button" class="button button-quiet" onClick=${onRetry}>${t("shared.try_again")}</button>`}
        </div>
    `;
}
