"""If these failed, parts of a platform that start together would fall over what they share."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from cluster.processes import secret

TOGETHER = 8


def test_a_secret_that_many_ask_for_at_once_is_one(tmp_path: Path) -> None:
    together = Barrier(TOGETHER)

    def ask(file: Path) -> str:
        together.wait()
        return secret(file)

    with ThreadPoolExecutor(TOGETHER) as threads:
        for number in range(50):
            file = tmp_path / str(number) / "token"
            assert len(set(threads.map(ask, [file] * TOGETHER))) == 1
            assert [each.name for each in file.parent.iterdir()] == ["token"]
            assert file.stat().st_mode & 0o077 == 0
