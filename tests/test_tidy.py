"""The house style, held by a test: what fails here would make the code harder to read, move or trust."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    *("domain", "storage", "actors", "services", "gateway", "stream", "cluster", "client", "bench"),
    *("simulation", "web"),
)
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".js",
    ".css",
    ".html",
    ".sql",
    ".sh",
    ".lock",
    "",
}


def is_source(path: Path) -> bool:
    return not any(
        part == "node_modules" or (part.startswith(".") and part != ".ci")
        for part in path.relative_to(ROOT).parts[:-1]
    )


def tracked() -> list[Path]:
    """What git has, or, in an unpacked archive without git, every file that is not made by the tools."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [p for p in ROOT.rglob("*") if p.is_file() and is_source(p)]
    return [path for path in found if path.is_file()]


def modules() -> Iterator[Path]:
    for path in tracked():
        top = path.relative_to(ROOT).parts[0]
        if path.suffix == ".py" and (top in PACKAGES or top == "tests"):
            yield path


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_modules_are_short() -> None:
    long = {
        name_of(path): count
        for path in modules()
        if (count := len(path.read_text().splitlines())) > MODULE_LINES_MAX
    }
    assert not long, f"modules over {MODULE_LINES_MAX} lines: {long}"


def test_functions_fit_a_screen() -> None:
    long: list[str] = []
    for path in modules():
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                # A long docstring is no long function.
                start = (first.end_lineno or first.lineno) if has_docstring else node.lineno
                count = (node.end_lineno or start) - start
                if count > FUNCTION_LINES_MAX:
                    long.append(f"{name_of(path)}:{node.lineno} {node.name} has {count} lines")
    assert not long, f"functions over {FUNCTION_LINES_MAX} lines: {long}"


def test_names_say_what_a_module_is_about() -> None:
    bad = [
        name_of(path)
        for path in modules()
        if BANNED_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)
    ]
    assert not bad, f"modules named after nothing in particular: {bad}"


def test_every_module_is_used() -> None:
    """A module that nothing imports is dead, unless it is started by name."""
    sources = {path: path.read_text() for path in modules()}
    imported: set[str] = set()
    named: set[str] = set()
    for path in sources:
        for node in nodes_of(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            elif isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported.update(f"{node.module}.{alias.name}" for alias in node.names)
    unused = []
    for path, source in sources.items():
        parts = path.relative_to(ROOT).with_suffix("").parts
        dotted = ".".join(parts)
        if parts[0] == "tests" or parts[-1] == "__init__" or dotted in imported:
            continue
        # Started by its name: python -m.
        if parts[-1] == "__main__" or '__name__ == "__main__"' in source:
            continue
        # Benches are found by name; the string is enough of a use.
        if dotted in named:
            continue
        unused.append(dotted)
    assert not unused, f"nothing imports {unused}"


def test_the_locks_carry_no_addresses_and_pin_everything() -> None:
    """A lock with a registry's address in it installs from that place alone."""
    for name in ("requirements.lock", "package-lock.json"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|\bfile:|--index-url|--find-links|\"resolved\"", text), (
            f"{name} has an address"
        )
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)(==)?.*\\$", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert len(pinned) > 50
    assert all(pin for _, pin in pinned)


def test_what_pages_of_the_docs_lead_to_is_there() -> None:
    lost = [
        f"{name_of(page)}: {target}"
        for page in tracked()
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert lost == []


def test_no_file_knows_this_machine() -> None:
    """An absolute path of one machine, or a home folder, breaks on the next."""
    pattern = re.compile(r"(?<![\w.])/(?:work|root|home)/[\w.-]+")
    allowed = {"tests/test_tidy.py"}
    bad = [
        f"{name_of(path)}: {match.group()}"
        for path in tracked()
        if path.suffix in TEXT_SUFFIXES and name_of(path) not in allowed and "vendor" not in path.parts
        for match in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert not bad, bad


def test_the_domain_stands_on_nothing_but_the_standard_library_and_msgspec() -> None:
    """import-linter can only name what is forbidden; a library that nobody thought of would pass."""
    imported: set[str] = set()
    for path in (ROOT / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"domain", "msgspec"}


@pytest.mark.parametrize("package", [name for name in PACKAGES if name not in {"actors", "cluster", "bench"}])
def test_ray_stays_where_it_belongs(package: str) -> None:
    """Rules that import Ray can no longer be tested or simulated without it."""
    for path in (ROOT / package).rglob("*.py"):
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            assert "ray" not in {name.split(".")[0] for name in names}, f"{name_of(path)}:{node.lineno}"


def test_the_environment_is_read_in_one_place() -> None:
    """Settings that are read below cluster/ cannot be validated before anything starts."""
    for package in PACKAGES:
        if package == "cluster":
            continue
        for path in (ROOT / package).rglob("*.py"):
            for node in nodes_of(path):
                if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
                    pytest.fail(f"{name_of(path)}:{node.lineno} reads the environment")
