"""Descriptions. If these failed, an organiser's text could run in a reader's browser, or name others'
images and links as ours.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.descriptions import plain, render

ATTACKS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "<svg/onload=alert(1)>",
    '![x](https://a.example/"onerror=alert(1))', "[x](vbscript:x)", "<a href=javascript:x>y</a>",
    "`</code><script>alert(1)</script>`", "<style>*{}</style>", "<iframe src=//a.example></iframe>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "[a]: javascript:alert(1)\n\n[a]", "<!--><script>alert(1)//-->",
)  # fmt: skip


def is_inert(html: str) -> bool:
    tags = re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)([^>]*)>", html)
    allowed = {
        *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "img"),
        *("h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td"),
    }
    return all(
        tag in allowed
        and not re.search(r"\bon\w+\s*=|style\s*=", re.sub(r'"[^"]*"', '""', rest))
        and not re.search(r'(href|src)="\s*(?!https?:|mailto:|/|#|\?|[^:"]*")', rest)
        for tag, rest in tags
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_runs(attack: str) -> None:
    assert is_inert(render(attack)), render(attack)


@given(st.lists(st.sampled_from(ATTACKS) | st.text(max_size=20), max_size=8))
def test_nothing_runs_whatever_is_put_together(parts: list[str]) -> None:
    assert is_inert(render("".join(parts)))


def test_what_people_write_comes_out() -> None:
    html = render("# Title\n\nA **bold** [link](https://a.example)\nnext line\n\n- one\n- مرحبا 👩‍👩‍👧")
    assert html.startswith("<h2>Title</h2>")
    assert 'rel="nofollow ugc noopener"' in html
    assert "<br>" in html
    assert "<li>مرحبا 👩‍👩‍👧</li>" in html
    assert plain(html) == "Title A bold link next line one مرحبا 👩‍👩‍👧"


def test_images_come_over_https_only() -> None:
    assert 'src="https://a.example/i.png"' in render("![i](https://a.example/i.png)")
    for address in ("http://a.example/i.png", "//a.example/i.png", "/i.png"):
        assert "src=" not in render(f"![i]({address})")
