"""Reads the settings tree from `bilten.toml` and the environment, and says everything that is wrong at once.

Precedence, lowest first: the defaults in settings.py, the file, the environment (`BILTEN_SECTION_NAME`).
Each value is converted on its own, so that one run names every mistake, each with its place and its fix.
"""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cluster.settings import FIELDS, SECTIONS, Field, Settings

# Variables with our prefix that are switches of tools, not settings.
NOT_SETTINGS = {"BILTEN_CONFIG", "BILTEN_REQUIRE_BROWSER", "BILTEN_REQUIRE_NODE"}
# Names that other tools have given to what a setting says.
ALIASES = {"RAY_ADDRESS": "ray.address"}


# What they hold is never printed.
SECRET = {"postgres.dsn", "redis.url", "tickets.key", "audit.key"}


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong with the settings."""

    where: str  # the key or variable as its author wrote it
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.fix}"


class BadSettings(Exception):
    """The settings cannot be used; `problems` says why, all of it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load(file: Path | None, environment: Mapping[str, str]) -> Settings:
    """The effective settings.

    `file` is named by the user and must exist; None means `bilten.toml` in the current folder, if there is
    one. Raises BadSettings with every problem found.
    """
    problems: list[Problem] = []
    values: dict[str, object] = {}
    path = file if file is not None else Path("bilten.toml")
    if file is not None or path.exists():
        _read_file(path, values, problems)
    _read_environment(environment, values, problems)
    if problems:
        raise BadSettings(problems)
    settings = _build(values)
    if problems := _check_together(settings):
        raise BadSettings(problems)
    return settings


def _read_file(path: Path, values: dict[str, object], problems: list[Problem]) -> None:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "unreadable"
        problems.append(Problem(str(path), f"cannot be read ({reason})", "Name a file that exists"))
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), f"is not TOML: {error}", "Mend the line that it names"))
        return
    for name, value in document.items():
        if name in SECTIONS:
            if not isinstance(value, dict):
                problems.append(
                    Problem(name, "is a table, not a value", f"Write [{name}] with keys below it")
                )
                continue
            for key, item in value.items():
                _take(f"{name}.{key}", f"{name}.{key}", item, values, problems)
        else:
            _take(name, name, value, values, problems)
    # A relative data folder in a file is meant relative to that file.
    if isinstance(folder := values.get("data_dir"), str):
        values["data_dir"] = str(path.absolute().parent / folder)


def _read_environment(
    environment: Mapping[str, str], values: dict[str, object], problems: list[Problem]
) -> None:
    by_variable = {field.variable: field for field in FIELDS}
    for variable, key in ALIASES.items():
        if environment.get(variable):
            values[key] = environment[variable]
    for variable, text in sorted(environment.items()):
        if not variable.startswith("BILTEN_") or variable in NOT_SETTINGS:
            continue
        if variable not in by_variable:
            fix = _did_you_mean(variable, list(by_variable))
            problems.append(Problem(variable, "is no setting", fix))
            continue
        field = by_variable[variable]
        item: object = text
        if _is_list(field):
            item = [part.strip() for part in text.split(",") if part.strip()]
        _take(field.key, variable, item, values, problems, text=True)


def _take(
    key: str,
    where: str,
    item: object,
    values: dict[str, object],
    problems: list[Problem],
    *,
    text: bool = False,
) -> None:
    """Converts one value and keeps it, or keeps what is wrong with it."""
    field = next((field for field in FIELDS if field.key == key), None)
    if field is None:
        what = "is no table of settings" if isinstance(item, dict) else "is no setting"
        known = [*SECTIONS] if isinstance(item, dict) else [field.key for field in FIELDS]
        problems.append(Problem(where, what, _did_you_mean(key, known)))
        return
    try:
        values[key] = msgspec.convert(item, type=field.type, strict=not text)
    except msgspec.ValidationError as error:
        what = re.sub(r"`", "", str(error)).replace("Expected", "expected")
        shown = "a value" if key in SECRET else repr(item)
        problems.append(
            Problem(where, f"{shown} does not fit, {what}", f"{field.description}; default {field.default!r}")
        )


def _is_list(field: Field) -> bool:
    return isinstance(field.default, list)


def _did_you_mean(written: str, known: list[str]) -> str:
    separator = "_" if written.startswith("BILTEN_") else "."
    section, _, _name = written.partition(separator)
    close = difflib.get_close_matches(written, known, n=1, cutoff=0.6)
    if not close:
        # The right name in the wrong section is the second likeliest mistake.
        tail = written.rpartition(".")[2]
        close = [key for key in known if key.rpartition(".")[2] == tail]
    if close:
        return f"Did you mean {close[0]}?"
    inside = [key for key in known if separator == "." and key.startswith(section + ".")]
    return f"Known there: {', '.join(inside)}" if inside else "docs/settings.md lists all settings"


def _build(values: dict[str, object]) -> Settings:
    tree: dict[str, object] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        if section:
            branch = tree.setdefault(section, {})
            assert isinstance(branch, dict)
            branch[name] = value
        else:
            tree[name] = value
    return msgspec.convert(tree, type=Settings)


def _check_together(settings: Settings) -> list[Problem]:
    """What is wrong between settings that are each right."""
    problems = []
    dsn = settings.postgres.dsn
    if dsn and not re.match(r"postgres(ql)?://", dsn):
        problems.append(Problem("postgres.dsn", "is no PostgreSQL DSN", "Begin it with postgresql://"))
    url = settings.redis.url
    if url and not re.match(r"(rediss?|unix)://", url):
        problems.append(Problem("redis.url", "is no Redis URL", "Begin it with redis:// or rediss://"))
    if settings.shards.batch_max > settings.shards.mailbox_max:
        problems.append(
            Problem("shards.batch_max", "is more than shards.mailbox_max holds", "Make it smaller")
        )
    for origin in settings.gateway.origins:
        if not re.fullmatch(r"https?://[^/]+", origin):
            fix = "Write scheme and host, without a path: https://tickets.example"
            problems.append(Problem("gateway.origins", f"{origin!r} is no origin", fix))
    problems += filter(None, map(_wrong_proxies, settings.gateway.trusted_proxies))
    catalogue = settings.demo.catalogue
    if catalogue and not Path(catalogue).is_file():
        problems.append(Problem("demo.catalogue", f"{catalogue} is no file", "Name a catalogue file"))
    return problems


def _wrong_proxies(network: str) -> Problem | None:
    """What is wrong with a network of proxies."""
    key = "gateway.trusted_proxies"
    try:
        found = ipaddress.ip_network(network)
    except ValueError:
        try:
            meant = str(ipaddress.ip_network(network, strict=False))
        except ValueError:
            return Problem(key, f"{network!r} is no network", "Write an address, or a network: 10.0.0.0/8")
        return Problem(key, f"{network!r} is an address within a network", f"Did you mean {meant}?")
    if found.prefixlen == 0:
        # Everybody could say to be anybody then.
        return Problem(key, f"{network!r} is everybody", "Name the networks that your proxies are in")
    return None
