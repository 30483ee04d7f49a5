"""If these failed, a mistake in a settings file would be found at night instead of at the start."""

from pathlib import Path

import pytest

from cluster import settings_page
from cluster.settings import FIELDS, Settings
from cluster.settings_source import BadSettings, load

ROOT = Path(__file__).resolve().parents[2]


def problems(text: str = "", tmp_path: Path | None = None, **environment: str) -> list[str]:
    file = None
    if tmp_path is not None:
        file = tmp_path / "bilten.toml"
        file.write_text(text)
    with pytest.raises(BadSettings) as caught:
        load(file, environment)
    return [str(problem) for problem in caught.value.problems]


def test_defaults_are_valid() -> None:
    assert load(None, {}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bilten.toml"
    file.write_text("[gateway]\nport = 1234\nprocesses = 3\n")
    settings = load(file, {"BILTEN_GATEWAY_PORT": "4321", "RAY_ADDRESS": "127.0.0.1:6379"})
    assert settings.gateway.port == 4321
    assert settings.gateway.processes == 3
    assert settings.ray.address == "127.0.0.1:6379"


def test_every_kind_of_value_comes_from_the_environment() -> None:
    settings = load(
        None,
        {
            "BILTEN_GATEWAY_ORIGINS": "https://a.example, https://b.example",
            "BILTEN_DEMO_LOAD": "false",
            "BILTEN_SANDBOX_DECLINE_RATE": "0.25",
            "BILTEN_SANDBOX_OUTAGE": "errors",
            "BILTEN_REQUIRE_BROWSER": "1",
        },
    )
    assert settings.gateway.origins == ["https://a.example", "https://b.example"]
    assert settings.demo.load is False
    assert settings.sandbox.decline_rate == 0.25
    assert settings.sandbox.outage == "errors"


def test_a_misspelt_key_is_named_with_the_right_one(tmp_path: Path) -> None:
    found = problems("[gateway]\nprot = 80\n[postgers]\ndsn = 'x'\n[ray]\nport = 1\n", tmp_path)
    assert "gateway.prot: is no setting. Did you mean gateway.port?" in found
    assert "postgers: is no table of settings. Did you mean postgres?" in found
    assert len(found) == 3


def test_a_misspelt_variable_is_named_with_the_right_one() -> None:
    found = problems(BILTEN_POSTGRES_DNS="x")
    assert found == ["BILTEN_POSTGRES_DNS: is no setting. Did you mean BILTEN_POSTGRES_DSN?"]


def test_wrong_types_bounds_and_choices_are_all_named_at_once(tmp_path: Path) -> None:
    text = "[gateway]\nport = 'eighty'\nprocesses = 0\n[sandbox]\noutage = 'lots'\ndecline_rate = 2.0\n"
    found = problems(text, tmp_path, BILTEN_SHARDS_COUNT="many")
    assert [line.split(":")[0] for line in found] == [
        *("gateway.port", "gateway.processes", "sandbox.outage", "sandbox.decline_rate"),
        "BILTEN_SHARDS_COUNT",
    ]
    assert "expected int, got str" in found[0]
    assert "expected int >= 1" in found[1]
    assert "default 2" in found[1]


def test_a_table_written_as_a_value_and_a_value_as_a_table(tmp_path: Path) -> None:
    found = problems("gateway = 8080\n[data_dir]\nx = 1\n", tmp_path)
    assert found[0].startswith("gateway: is a table, not a value")
    assert found[1].startswith("data_dir:")


def test_a_file_that_is_no_toml_or_not_there(tmp_path: Path) -> None:
    assert "is not TOML" in problems("[gateway\n", tmp_path)[0]
    with pytest.raises(BadSettings, match="cannot be read"):
        load(tmp_path / "absent.toml", {})


def test_settings_that_contradict_each_other() -> None:
    assert "shards.batch_max" in problems(BILTEN_SHARDS_MAILBOX_MAX="16")[0]
    assert "postgres.dsn" in problems(BILTEN_POSTGRES_DSN="mysql://x")[0]
    assert "redis.url" in problems(BILTEN_REDIS_URL="localhost:6379")[0]
    assert "gateway.origins" in problems(BILTEN_GATEWAY_ORIGINS="https://a.example/path")[0]
    assert "demo.catalogue" in problems(BILTEN_DEMO_CATALOGUE="absent.toml")[0]


@pytest.mark.parametrize(
    ("host", "public_url", "typed", "direct"),
    [
        ("127.0.0.1", "", "http://localhost:8080", "http://127.0.0.1:8080"),
        ("::1", "", "http://localhost:8080", "http://[::1]:8080"),
        ("0.0.0.0", "", "http://localhost:8080", "http://0.0.0.0:8080"),
        ("192.0.2.1", "", "http://192.0.2.1:8080", "http://192.0.2.1:8080"),
        ("127.0.0.2", "", "http://127.0.0.2:8080", "http://127.0.0.2:8080"),
        ("tickets.lan", "", "http://tickets.lan:8080", "http://tickets.lan:8080"),
        ("127.0.0.1", "https://tickets.example/", "https://tickets.example", "https://tickets.example"),
    ],
)
def test_people_get_a_name_where_there_is_one(host: str, public_url: str, typed: str, direct: str) -> None:
    """Browsers make no passkey for a number; a name that leads elsewhere would be worse than none."""
    settings = load(None, {"BILTEN_GATEWAY_HOST": host, "BILTEN_GATEWAY_PUBLIC_URL": public_url})
    assert (settings.url, settings.direct_url) == (typed, direct)


def test_proxies_are_networks_and_never_everybody() -> None:
    good = load(None, {"BILTEN_GATEWAY_TRUSTED_PROXIES": "10.0.0.0/8,127.0.0.1,fd00::/8"})
    assert good.gateway.trusted_proxies == ["10.0.0.0/8", "127.0.0.1", "fd00::/8"]
    for given, said in (
        ("10.0.0.1/8", "Did you mean 10.0.0.0/8?"),
        ("proxy.example", "is no network"),
        ("10.0.0.0/33", "is no network"),
        ("0.0.0.0/0", "is everybody"),
        ("::/0", "is everybody"),
        ("10.0.0.0/8,nonsense", "'nonsense' is no network"),
    ):
        (found,) = problems(BILTEN_GATEWAY_TRUSTED_PROXIES=given)
        assert found.startswith("gateway.trusted_proxies"), found
        assert said in found


def test_no_password_is_shown() -> None:
    """People paste this output into bug reports."""
    secret = "postgresql://bilten:hunter2@db.example/bilten"
    assert "hunter2" not in settings_page.effective(load(None, {"BILTEN_POSTGRES_DSN": secret}))
    assert "hunter2" not in str(problems(BILTEN_POSTGRES_DSN="mysql://bilten:hunter2@db.example/bilten"))


def test_every_setting_is_described_and_its_name_is_unique() -> None:
    assert all(field.description for field in FIELDS)
    assert len({field.variable for field in FIELDS}) == len(FIELDS)


def test_the_page_is_current() -> None:
    """docs/settings.md that lies is worse than none: bilten check-config --page > docs/settings.md."""
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page.page()
