"""`bilten catalogue`. If these failed, nobody could bring a programme in or take it away by hand."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster.cli import app
from tests.servers import execute, run

PROGRAMME = (
    "external_id,title,starts_at,city\nA1,Night of Words,2030-05-01T20:00,Köln\nA2,,2030-05-02T20:00,\n"
)


@pytest.fixture
def platform(migrated_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BILTEN_POSTGRES_DSN", migrated_dsn)
    monkeypatch.setenv("BILTEN_DATA_DIR", str(tmp_path / "data"))
    run(
        execute(
            migrated_dsn,
            "INSERT INTO organisations (organisation_id, name, slug) "
            "VALUES (gen_random_uuid(), 'Hall', 'hall')",
        )
    )
    return tmp_path


def test_a_programme_goes_in_once_and_comes_out(platform: Path) -> None:
    file = platform / "programme.csv"
    file.write_text(PROGRAMME, encoding="utf-8")
    bilten = CliRunner()
    arguments = ["catalogue", "import", str(file), "--organisation", "hall", "--time-zone", "Europe/Berlin"]
    first = bilten.invoke(app, arguments)
    assert first.exit_code == 1, first.output
    assert "line 3: title and starts_at can't be empty" in first.output
    assert "csv: 1 created" in first.output
    again = bilten.invoke(app, [*arguments[:2], "-", *arguments[3:]], input=PROGRAMME.encode())
    assert "0 created, 0 updated, 1 unchanged" in again.output
    exported = bilten.invoke(app, ["catalogue", "export", "--organisation", "hall", "--format", "csv"])
    assert exported.exit_code == 0
    assert "Night of Words" in exported.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "missing.csv", "--organisation", "hall"], "missing.csv"),
        (["import", "-", "--organisation", "nobody"], "no organisation 'nobody'"),
        (["import", "-", "--organisation", "hall", "--time-zone", "Mars"], "no zone"),
        (["export", "--organisation", "hall", "--format", "xml"], "no format 'xml'"),
    ],
)
def test_what_cannot_be_done_is_said(platform: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["catalogue", *arguments], input=b"")
    assert result.exit_code in {1, 2}
    assert said in result.output
