// Whether the audit log is as it was written: every chain read from its beginning.
import { get } from "../shared/api.js";
import { ActionButton, FormProblem } from "../shared/forms.js";
import { ago, count } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { rich, t } from "../shared/i18n.js";
import { Panel } from "../shared/parts.js";
import { Reference } from "./references.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("../shared/api.js").Problem} Problem */
/** @typedef {{organisation: string | null, damage: string, first: number, last: number, explanation: string}} Finding */
/** @typedef {{at_ms: number, is_sound: boolean | null, entries: number, chains: number, findings_count: number, findings: Finding[]}} AuditVerdict */

const COMMAND = "bilten audit verify";

/** @returns {Child} */
export function Verdict() {
    const [verdict, setVerdict] = useState(/** @type {AuditVerdict | null} */ (null));
    const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
    const check = async () => {
        setProblem(null);
        setVerdict(await get("/admin/audit/verdict"));
    };
    const button = html`<${ActionButton} onPress=${check} onProblem=${setProblem}>${t("admin.audit.check")}<//>`;
    return html`<${Panel} id="verdict" title=${t("admin.audit.verdict")} note=${t("admin.audit.verdict_text")} action=${button}>
        <${FormProblem} problem=${problem} />
        <div role="status" class="notice-place">${verdict && html`<${Result} verdict=${verdict} />`}</div>
    <//>`;
}

/**
 * @param {{verdict: AuditVerdict}} given
 * @returns {Child}
 */
function Result({ verdict }) {
    const { is_sound: isSound, entries, chains } = verdict;
    if (isSound === null) {
        const command = html`<code class="mono">${COMMAND}</code>`;
        return html`<div class="notice">
            <p class="notice-title">${t("admin.audit.too_long")}</p>
            <p>${rich("admin.audit.too_long_text", { command })}</p>
        </div>`;
    }
    if (isSound) {
        return html`<div class="notice" data-tone="good">
            <p class="notice-title">${t("admin.audit.sound")}</p>
            <p>${t("admin.audit.sound_text", { entries, chains, when: ago(verdict.at_ms, Date.now()) })}</p>
        </div>`;
    }
    return html`<div class="notice" data-tone="danger">
        <p class="notice-title">${t("admin.audit.unsound", { count: verdict.findings_count })}</p>
        <ul class="findings">
            ${verdict.findings.map(
                (one) => html`<li>
                    <strong>${t("admin.audit.finding", { damage: one.damage })}</strong>
                    <span>${where(one)}</span>
                    ${one.organisation === null ? html`<span>${t("admin.audit.platform")}</span>` : html`<${Reference} reference=${one.organisation} />`}
                    <span class="quiet small" lang="en">${one.explanation}</span>
                </li>`,
            )}
        </ul>
    </div>`;
}

/** @param {Finding} finding */
function where({ first, last }) {
    return last > first ? t("admin.audit.finding_range", { first: count(first), last: count(last) }) : t("admin.audit.finding_entries", { first });
}
