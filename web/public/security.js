// How somebody proves who they are: the password, an authenticator app with recovery codes, passkeys.
import { get, post, problemOf, remove } from "../shared/api.js";
import { ask } from "../shared/dialog.js";
import { ActionButton, FormBox, SubmitButton, TextField, useForm } from "../shared/forms.js";
import { ago } from "../shared/formats.js";
import { html, useState } from "../shared/html.js";
import { t } from "../shared/i18n.js";
import { me, requireUser, whoIsThere, withStepUp } from "../shared/page.js";
import { Badge, Panel } from "../shared/parts.js";
import { NoPasskeys, createPasskey, hasPasskeys, isDismissed } from "../shared/passkeys.js";
import { Loaded, Skeleton, useResource } from "../shared/resource.js";
import { toast } from "../shared/toasts.js";
import { AccountPage, showWhenReady } from "./account-frame.js";
import { AuthenticatorSetup } from "./authenticator.js";
import { PasswordField, passwordProblem } from "./credentials.js";

/** @typedef {import("../shared/html.js").Child} Child */
/** @typedef {{id: string, name: string, created_at_ms: number, last_used_at_ms: number | null}} Passkey */

const tell = (/** @type {unknown} */ thrown) => toast(problemOf(thrown).text);

/** @returns {Child} */
function Password() {
    const empty = { old: "", new: "" };
    const form = useForm({
        initial: empty,
        check: (values) => ({ old: values["old"] ? undefined : t("shared.field.missing"), new: passwordProblem(values["new"]) }),
        called: { password: "new" },
        send: async (values) => {
            if (!(await withStepUp(() => post("/me/password", values)))) {
                return;
            }
            form.reset(empty);
            toast(t("account.password_changed"));
        },
    });
    return html`<${Panel} id="password" title=${t("account.password")} note=${t("account.password_note")}>
        <${FormBox} form=${form} label=${t("account.password")}>
            <div class="form-row">
                <${PasswordField} field=${form.field("old")} label=${t("account.old_password")} />
                <${PasswordField} field=${form.field("new")} isNew />
            </div>
            <div class="form-actions"><${SubmitButton} form=${form} kind="button-quiet">${t("account.change_password")}<//></div>
        <//>
    <//>`;
}

/** @returns {Child} */
function Authenticator() {
    const user = me.value;
    const isOn = Boolean(user?.has_totp);
    const setUp = async () => {
        const secret = await withStepUp(async () => /** @type {{secret: string, uri: string}} */ ((await post("/me/totp")).value));
        if (secret) {
            await ask(t("account.totp.title"), (close) => html`<${AuthenticatorSetup} secret=${secret} onDone=${() => close(true)} />`);
            await whoIsThere();
        }
    };
    const off = async () => {
        if (await withStepUp(async () => (await remove("/me/totp"), true))) {
            toast(t("account.totp.off"));
            await whoIsThere();
        }
    };
    const badge = html`<${Badge} tone=${isOn ? "good" : "calm"}>${t(isOn ? "account.on" : "account.off")}<//>`;
    return html`<${Panel} id="totp" title=${t("account.totp.title")} note=${t("account.totp.text")} action=${badge}>
        ${isOn && html`<p class="quiet">${t("account.totp.left", { count: user?.recovery_codes_left ?? 0 })}</p>`}
        <div class="form-actions">
            ${isOn
                ? html`<${ActionButton} kind="button-danger" onPress=${off} onProblem=${tell}>${t("account.totp.turn_off")}<//>`
                : html`<${ActionButton} onPress=${setUp} onProblem=${tell}>${t("account.totp.set_up")}<//>`}
        </div>
    <//>`;
}

/** @returns {Child} */
function Passkeys() {
    const passkeys = useResource(async () => /** @type {{items: Passkey[]}} */ (await get("/me/passkeys")).items);
    const add = async () => {
        /** @type {{challenge: string, options: Record<string, any>} | null} */
        const asked = await withStepUp(async () => (await post("/me/passkeys/options")).value);
        if (!asked) {
            return;
        }
        try {
            const credential = await createPasskey(asked.options);
            const name = await ask(t("account.passkeys.name_it"), (close) => html`<${PasskeyName} onName=${close} />`);
            await post("/me/passkeys", { challenge: asked.challenge, credential, name: name ?? t("account.passkeys.unnamed") });
        } catch (thrown) {
            if (isDismissed(thrown)) {
                return;
            }
            throw thrown;
        }
        toast(t("account.passkeys.added"));
        await Promise.all([passkeys.reload(), whoIsThere()]);
    };
    const drop = async (/** @type {Passkey} */ passkey) => {
        if (await withStepUp(async () => (await remove(`/me/passkeys/${passkey.id}`), true))) {
            toast(t("account.passkeys.removed"));
            await Promise.all([passkeys.reload(), whoIsThere()]);
        }
    };
    return html`<${Panel} id="passkeys" title=${t("account.passkeys.title")} note=${t("account.passkeys.text")}>
        <${Loaded} resource=${passkeys} skeleton=${html`<${Skeleton} lines=${2} />`}>
            ${(/** @type {Passkey[]} */ list) =>
                list.length > 0 &&
                html`<ul class="rows">
                    ${list.map(
                        (one) => html`<li key=${one.id}>
                            <div class="row-text">
                                <strong><bdi>${one.name}</bdi></strong>
                                <span>
                                    ${one.last_used_at_ms === null
                                        ? t("account.passkeys.never_used")
                                        : t("account.sessions.used", { when: ago(one.last_used_at_ms, Date.now()) })}
                                </span>
                            </div>
                            <${ActionButton}
                                kind="button-plain"
                                tone="danger"
                                aria-label=${t("account.passkeys.remove_one", { name: one.name })}
                                onPress=${() => drop(one)}
                                onProblem=${tell}
                            >
                                ${t("shared.remove")}
                            <//>
                        </li>`,
                    )}
                </ul>`}
        <//>
        ${hasPasskeys
            ? html`<div class="form-actions"><${ActionButton} onPress=${add} onProblem=${tell}>${t("account.passkeys.add")}<//></div>`
            : html`<${NoPasskeys} />`}
    <//>`;
}

/**
 * @param {{onName: (name: string) => void}} given
 * @returns {Child}
 */
function PasskeyName({ onName }) {
    const form = useForm({
        initial: { name: "" },
        check: ({ name }) => ({ name: name.trim() ? undefined : t("shared.field.missing") }),
        send: async ({ name }) => onName(name.trim()),
    });
    return html`<${FormBox} form=${form}>
        <${TextField} ...${form.field("name")} label=${t("account.passkeys.name")} hint=${t("account.passkeys.name_hint")} maxlength="80" autofocus />
        <${SubmitButton} form=${form}>${t("shared.save")}<//>
    <//>`;
}

/** @returns {Child} */
function Security() {
    return html`<${AccountPage} tab="security">
        <${Passkeys} />
        <${Authenticator} />
        <${Password} />
    <//>`;
}

void showWhenReady(async () => {
    await requireUser();
    return html`<${Security} />`;
});
