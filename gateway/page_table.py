"""The pages that there are: where each is, what it is drawn with, and which messages it needs.

Those without a body of their own are drawn by their script; who may see what is decided by the API that the
script asks, so that the pages themselves hold nothing of anybody's.
"""

from typing import Final

import msgspec


class PageKind(msgspec.Struct, frozen=True, kw_only=True):
    """One page.

    Attributes:
        path: as the router has it.
        title: the message of its title.
        script, styles: files below `web/`.
        areas: the message catalogues that its scripts use.
        layout: classes of the main element.
        skip_to, skip_text: where the link for keyboards leads, and its message.
        is_platform: whether it is there only for those who run the platform.
    """

    path: str
    title: str
    script: str = ""
    styles: tuple[str, ...] = ()
    areas: tuple[str, ...] = ("shared",)
    layout: str = "stack"
    skip_to: str = "main"
    skip_text: str = "shared.skip"
    is_platform: bool = False


HOME: Final = PageKind(
    path="/",
    title="home.title",
    script="public/home.js",
    styles=("public/home.css",),
    areas=("shared", "home"),
    layout="home",
    skip_to="events",
    skip_text="home.skip",
)
ORGANISATION: Final = PageKind(
    path="/o/{slug}",
    title="home.title",
    script="public/home.js",
    styles=("public/home.css",),
    areas=("shared", "home"),
    layout="home",
    skip_to="events",
    skip_text="home.skip",
)
EVENT: Final = PageKind(
    path="/e/{name}",
    title="event.title",
    script="public/event.js",
    styles=("public/event.css", "public/tickets.css"),
    areas=("shared", "event"),
    layout="",
    skip_to="tickets",
    skip_text="event.skip",
)
PRIVACY: Final = PageKind(
    path="/privacy",
    title="privacy.title",
    script="public/privacy.js",
    styles=("public/account.css",),
    areas=("shared", "privacy"),
    layout="stack page-narrow",
)
PROBLEM: Final = PageKind(path="", title="shared.failed.title", layout="problem")


def _account(path: str, name: str, script: str, layout: str = "sheet-page") -> PageKind:
    return PageKind(
        path=path,
        title=f"account.{name}.title",
        script=f"public/{script}.js",
        styles=("public/account.css",),
        areas=("shared", "account"),
        layout=layout,
    )


def _organizer(
    path: str, title: str, script: str, *styles: str, area: str = "", layout: str = "organizer"
) -> PageKind:
    return PageKind(
        path=f"/organizer{path}",
        title=title,
        script=f"organizer/{script}.js",
        styles=("organizer/organizer.css", *(f"organizer/{style}.css" for style in styles)),
        areas=("shared", "organizer", *([area] if area else [])),
        layout=layout,
    )


def _admin(path: str, name: str, script: str) -> PageKind:
    return PageKind(
        path=f"/admin{path}",
        title=f"admin.{name}.title",
        script=f"admin/{script}.js",
        # The same frame as the organisers' pages.
        styles=("organizer/organizer.css", "admin/admin.css"),
        areas=("shared", "admin"),
        layout="organizer",
        is_platform=True,
    )


def _team(name: str) -> PageKind:
    return _organizer(f"{_ORG}/{name}", f"organizer.nav.{name}", name, "team", area="team")


_ORG: Final = r"/{organisation:org_[0-9a-z]{26}}"
_EVENT: Final = _ORG + r"/events/{event:event_[0-9a-z]{26}}"

# Pages that their scripts draw.
SCRIPTED: Final = (
    _account("/sign-up", "sign_up", "sign-up"),
    _account("/sign-up/confirm", "confirm", "confirm"),
    _account("/sign-in", "sign_in", "sign-in"),
    _account("/password-reset", "reset", "password-reset"),
    _account("/password-reset/confirm", "new_password", "password-reset"),
    _account("/invitation", "invitation", "invitation"),
    _account("/account/email/confirm", "confirm_email", "confirm"),
    _account("/account", "profile", "account", "account-page"),
    _account("/account/security", "security", "security", "account-page"),
    _account("/account/sessions", "sessions", "sessions", "account-page"),
    PageKind(
        path="/tickets",
        title="account.tickets.title",
        script="public/my-tickets.js",
        styles=("public/account.css", "public/tickets.css"),
        areas=("shared", "account", "event"),
        layout="stack page-wide",
    ),
    _organizer("", "organizer.start.title", "start", layout="sheet-page"),
    _organizer(f"{_ORG}/events", "organizer.events.title", "events"),
    _organizer(f"{_ORG}/events/new", "organizer.new_event.title", "new-event"),
    _organizer(f"{_ORG}/transfer", "again.transfer.title", "transfer", "editor", area="again"),
    _organizer(_EVENT, "organizer.editor.title", "editor", "editor", area="again"),
    _organizer(f"{_EVENT}/sales", "selling.title", "live", "editor", "sales", area="selling"),
    *map(_team, ("venues", "members", "keys", "devices", "audit", "settings")),
    _admin("", "health", "health"),
    _admin("/organisations", "organisations", "organisations"),
    _admin("/users", "users", "users"),
    _admin(r"/users/{user:user_[0-9a-z]{26}}", "user", "user"),
    _admin("/flags", "flags", "flags"),
    _admin("/audit", "audit", "audit"),
)
