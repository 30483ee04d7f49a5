"""Descriptions: Markdown in, HTML out that can do nothing but be read.

Made once, when a text changes, and stored beside it. Two walls, one behind the other: the parser takes no
HTML (what looks like it comes out as text), and nh3 (the maintained sanitiser of browsers' own algorithm)
lets through only what is named here. docs/decisions/descriptions.md says why these two.
"""

from typing import Final

import nh3
from markdown_it import MarkdownIt

_TAGS: Final = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "img"),
    *("h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
}
_LEVELS: Final = {"h1": "h2", "h2": "h3", "h3": "h4", "h4": "h4", "h5": "h4", "h6": "h4"}
_NESTED_MAX: Final = 20


def render(markdown: str) -> str:
    """Return a Markdown text as HTML for a page of ours. Its headings begin below the page's own."""
    return nh3.clean(
        _parser().render(markdown),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        # An image over http: tells everybody on the way who reads this; it is dropped by `_kept`.
        url_schemes={"http", "https", "mailto"},
        attribute_filter=_kept,
        link_rel="nofollow ugc noopener",
    ).strip()


def plain(html: str) -> str:
    """Return the text of rendered HTML, for feeds and previews."""
    spaced = html.replace("<br", " <br").replace("</", " </")
    text = nh3.clean(spaced, tags=set())
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return " ".join(text.split())


def _kept(tag: str, attribute: str, value: str) -> str | None:
    if tag == "img" and attribute == "src" and not value.lower().startswith("https://"):
        return None
    return value


def _parser() -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark", {"html": False, "linkify": False, "breaks": True, "maxNesting": _NESTED_MAX}
    )
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("lower_headings", _lower_headings)
    return parser


def _lower_headings(state: object) -> None:
    for token in state.tokens:  # type: ignore[attr-defined]
        if token.type in {"heading_open", "heading_close"}:
            token.tag = _LEVELS[token.tag]
