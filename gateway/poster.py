"""A picture for an event that has none: arcs of light over a stage, drawn from the event's name, so that an
event looks the same everywhere and two events look different.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_WIDTH: Final = 1200
_HEIGHT: Final = 675
_CACHED_MAX: Final = 200
_MASK: Final = 0xFFFFFFFF
# Hues that go well together, from night to light: sky, its depth, light, glow, lines.
_PALETTES: Final = (
    ("#0f2e2a", "#123f39", "#f2b56b", "#e8734a", "#8fd9c4"),
    ("#1d2340", "#2b3566", "#f6c5a0", "#e0637a", "#a9b8f5"),
    ("#2c1a2e", "#4a2747", "#f7d08a", "#e2694f", "#e3a6cf"),
    ("#10293d", "#17425f", "#f3dc9b", "#ef8a54", "#8ec9ea"),
    ("#2a2414", "#4b3d1c", "#f4e3b0", "#d9683c", "#d8c184"),
)


@lru_cache(maxsize=_CACHED_MAX)
def poster(seed: str) -> bytes:
    """Return the picture for a name, as SVG of 16 to 9."""
    draw = _numbers(seed)
    sky, deep, light, glow, line = _PALETTES[int(draw() * len(_PALETTES))]
    x, y = _WIDTH * (0.55 + draw() * 0.3), _HEIGHT * (0.62 + draw() * 0.12)
    radius, gap = 130 + draw() * 50, 34 + draw() * 16
    rings = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius + gap * (at + 1) * (1 + at * 0.045):.1f}"'
        f' stroke-width="{max(1.5, 9 - at * 0.8):.1f}" stroke-opacity="{0.62 * 0.78**at:.3f}"/>'
        for at in range(12)
    )
    bars = _bars(draw)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' width="{_WIDTH}" height="{_HEIGHT}" preserveAspectRatio="xMidYMax slice"><defs>'
        f'<linearGradient id="a" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{sky}"/>'
        f'<stop offset="1" stop-color="{deep}"/></linearGradient>'
        f'<radialGradient id="b" cx="{x / _WIDTH:.3f}" cy="{y / _HEIGHT:.3f}" r="0.62">'
        f'<stop offset="0" stop-color="{glow}" stop-opacity="0.85"/>'
        f'<stop offset="0.45" stop-color="{glow}" stop-opacity="0.22"/>'
        f'<stop offset="1" stop-color="{glow}" stop-opacity="0"/></radialGradient>'
        f'<linearGradient id="c" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="{light}"/>'
        f'<stop offset="1" stop-color="{glow}"/></linearGradient></defs>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="url(#a)"/>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="url(#b)"/>'
        f'<g fill="none" stroke="{line}">{rings}</g>'
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}" fill="url(#c)"/>'
        f'<g fill="{sky}">{bars}</g></svg>'
    ).encode()


def _bars(draw: Callable[[], float]) -> str:
    phase = draw() * 6
    found = []
    for at in range(61):
        swing = math.sin(at * 0.33 + phase) * 0.5 + math.sin(at * 0.117 + phase * 2) * 0.5
        height = 34 + (swing + 1) * 38 + draw() * 26
        box = f'x="{at * 20 - 4}" y="{_HEIGHT - height:.0f}" width="15" height="{height + 8:.0f}"'
        found.append(f'<rect {box} rx="7.5"/>')
    return "".join(found)


def _numbers(text: str) -> Callable[[], float]:
    """Return a small generator of numbers from 0 to 1 that begins the same for the same text."""
    state = 2166136261
    for letter in text:
        state = ((state ^ ord(letter)) * 16777619) & _MASK

    def draw() -> float:
        nonlocal state
        state = ((state ^ state >> 15) * 0x85EBCA6B) & _MASK
        state = ((state ^ state >> 13) * 0xC2B2AE35) & _MASK
        state ^= state >> 16
        return state / 2**32

    return draw
