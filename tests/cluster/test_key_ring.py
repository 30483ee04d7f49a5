"""The file of the key ring. If these failed, a typing error or a crash would cost all personal data."""

import threading
from pathlib import Path

import pytest

from cluster.key_ring import BadKeyRing, add_key, drop_key, ensure_ring, read_ring

KEY = "ab" * 32


def test_it_makes_itself_once(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "people-keys"
    rings = []
    threads = [threading.Thread(target=lambda: rings.append(ensure_ring(file))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({bytes(ring.keys[1]) for ring in rings}) == 1
    assert file.stat().st_mode & 0o077 == 0, "only its owner may read it"


def test_keys_are_added_and_dropped(tmp_path: Path) -> None:
    file = tmp_path / "people-keys"
    first = ensure_ring(file)
    assert add_key(file) == 2
    assert read_ring(file).keys[1] == first.keys[1]
    with pytest.raises(BadKeyRing, match="newest"):
        drop_key(file, 2)
    with pytest.raises(BadKeyRing, match="no key 7"):
        drop_key(file, 7)
    drop_key(file, 1)
    ring = read_ring(file)
    assert (sorted(ring.keys), ring.lookup_key) == ([2], first.lookup_key)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one numbered key"),
        (f"lookup {KEY}\n", "at least one numbered key"),
        (f"1 {KEY}\n", "`lookup`"),
        (f"lookup {KEY}\n1 {KEY}\n1 {KEY}\n", "line 3: 1 is there twice"),
        (f"lookup {KEY}\n1 {KEY[:-2]}\n", "line 2"),
        (f"lookup {KEY}\n0 {KEY}\n", "line 2"),
        (f"lookup {KEY}\n1 {KEY.replace('ab', 'zz')}\n", "line 2"),
    ],
)
def test_a_mistake_is_named_and_not_shown(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "people-keys"
    file.write_text(text)
    with pytest.raises(BadKeyRing, match=said) as caught:
        read_ring(file)
    assert KEY not in str(caught.value)
