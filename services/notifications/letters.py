"""How a letter looks: paragraphs and at most one link, as text and as HTML, with everything escaped.

Whoever writes a letter gives plain words; there is no way to give markup. The HTML has no images, scripts or
remote parts: it looks the same everywhere and tells nobody that it was read.
"""

import html
import re
import textwrap
from collections.abc import Sequence
from typing import Final

from services.notifications.port import Mail

_LINE_WIDTH: Final = 76
_SUBJECT_MAX: Final = 150
_FOREIGN_MAX: Final = 60
# Where an address goes on, such as after the dot in example.com; a zero-width space there ends it.
_LINKED: Final = re.compile("[.:/@\u3002\uff0e\uff61](?=\\S)")
_NOT_IN_A_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})

_PAGE: Final = """\
<!doctype html>
<html lang="{language}" dir="{direction}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{subject}</title></head>
<body style="margin:0;padding:24px;background:#f6f6f4;color:#1c1c1a;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:34em;margin:0 auto;padding:24px;background:#fff;border-radius:8px">
{body}
</div>
</body>
</html>
"""
_BUTTON: Final = (
    '<p><a href="{url}" style="display:inline-block;padding:12px 20px;border-radius:6px;background:#1c1c1a;'
    'color:#fff;text-decoration:none">{label}</a></p>\n<p style="font-size:13px;color:#555;'
    'word-break:break-all">{url}</p>'
)


def one_line(text: str, length_max: int = _SUBJECT_MAX) -> str:
    """Return text without what could end a line or turn its direction, and cut to a length."""
    plain = _NOT_IN_A_LINE.sub(" ", text).strip()
    return plain if len(plain) <= length_max else plain[: length_max - 1] + "…"


def foreign_name(text: str, length_max: int = _FOREIGN_MAX) -> str:
    """Return a name that somebody gave who is a stranger to the reader, as part of a letter of ours.

    It is short, and nothing in it becomes a link: mail programs make one of everything that looks like an
    address, and a stranger's advertising would come with our word for it.
    """
    return _LINKED.sub("\\g<0>\u200b", one_line(text, length_max))


def letter(
    to: str,
    subject: str,
    paragraphs: Sequence[str],
    *,
    link: tuple[str, str] | None = None,
    closing: Sequence[str] = (),
    language: str = "en",
) -> Mail:
    """Write a letter.

    Args:
        to: the address.
        subject: what it is about.
        paragraphs: what is said before the link, as plain words.
        link: the words on it and where it leads.
        closing: what is said after it.
        language: of the words, such as "ar-EG"; says in which direction they run.
    """
    text = [_wrapped(paragraph) for paragraph in paragraphs]
    marked = [f"<p>{html.escape(one_line(paragraph, 2_000))}</p>" for paragraph in paragraphs]
    if link is not None:
        label, url = link
        text.append(f"{one_line(label)}:\n{url}")
        marked.append(_BUTTON.format(url=html.escape(url), label=html.escape(one_line(label))))
    text += [_wrapped(paragraph) for paragraph in closing]
    marked += [f"<p>{html.escape(one_line(paragraph, 2_000))}</p>" for paragraph in closing]
    subject = one_line(subject)
    page = _PAGE.format(
        language=html.escape(language),
        direction="rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr",
        subject=html.escape(subject),
        body="\n".join(marked),
    )
    return Mail(to, subject, "\n\n".join(text) + "\n", page)


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(
        one_line(paragraph, 2_000), _LINE_WIDTH, break_long_words=False, break_on_hyphens=False
    )
