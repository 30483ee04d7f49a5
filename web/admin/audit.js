// The audit log of everything: who changed what, found by what is known of it.
import { get } from "../shared/api.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { More, useList } from "../shared/list.js";
import { PageHead } from "../shared/parts.js";
import { Loaded, Skeleton } from "../shared/resource.js";
import { Entry } from "./audit-entry.js";
import { Filters, filtersOf, queryOf } from "./audit-filters.js";
import { Verdict } from "./audit-verdict.js";
import { showPlatform } from "./frame.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {import("./audit-entry.js").AuditEntry} AuditEntry */
/** @typedef {import("./audit-filters.js").AuditFilters} AuditFilters */
/** @typedef {import("./frame.js").ListPage<AuditEntry>} Entries */

const LIMIT = 50;

/** @returns {Child} */
function Audit() {
    const [filters, setFilters] = useState(filtersOf(location.search));
    const query = queryOf(filters);
    const list = useList((cursor) => /** @type {Promise<Entries>} */ (get("/admin/audit", { ...query, limit: LIMIT, cursor })), [JSON.stringify(query)]);
    const search = (/** @type {AuditFilters} */ wanted) => {
        setFilters(wanted);
        const given = Object.entries(wanted).filter(([, value]) => value !== "");
        const address = new URLSearchParams(given).toString();
        // So that a search can be sent to a colleague.
        history.replaceState(null, "", address ? `?${address}` : location.pathname);
    };
    const narrow = (/** @type {Partial<AuditFilters>} */ by) => search({ ...filters, ...by });
    return html`
        <${PageHead} title=${t("admin.audit.title")} text=${t("admin.audit.text")} />
        <${Verdict} />
        <${Filters} key=${JSON.stringify(filters)} filters=${filters} onSearch=${search} />
        <section class="stack" aria-labelledby="found-title">
            <h2 class="visually-hidden" id="found-title">${t("admin.audit.found")}</h2>
            <${Loaded} resource=${list.page} skeleton=${html`<${Skeleton} kind="rows" lines=${5} />`}>
                ${(/** @type {Entries} */ found) =>
                    found.items.length === 0
                        ? html`<p class="quiet empty">${t("admin.audit.none")}</p>`
                        : html`<ol class="entries">
                                  ${found.items.map((one) => html`<${Entry} key=${`${one.organisation}-${one.seq}`} entry=${one} onNarrow=${narrow} />`)}
                              </ol>
                              <${More} list=${list} />`}
            <//>
        </section>
    `;
}

void showPlatform("audit", () => html`<${Audit} />`);
