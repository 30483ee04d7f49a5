"""Every SQL statement that the platform's source gives to the driver, read out of the source.

A statement is what stands first between the brackets of a call such as `connection.fetch(...)`. Where it is
put together of a module's constants, of names of the function, or of what callers pass on, all that can come
of it is made. What can't be made out this way (a list of conditions that grows) is named instead: nothing is
passed over.
"""

import ast
import importlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("storage", "actors", "services", "gateway", "stream", "cluster")
SENDING = ("fetch", "execute", "cursor", "prepare", "copy_")
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Unreadable(Exception):
    """What it can be is known at run time only."""


@dataclass(frozen=True)
class Call:
    module: str
    functions: tuple[Function, ...]
    node: ast.Call

    @property
    def where(self) -> str:
        return ".".join([self.module, *(function.name for function in self.functions[-1:])])

    @property
    def name(self) -> str:
        function = self.node.func
        return getattr(function, "attr", getattr(function, "id", ""))

    @property
    def is_sending(self) -> bool:
        return isinstance(self.node.func, ast.Attribute) and self.name.startswith(SENDING)


class Source:
    """The calls of all packages."""

    def __init__(self) -> None:
        self._calls: dict[str, list[Call]] = defaultdict(list)
        for package in PACKAGES:
            for path in sorted((ROOT / package).rglob("*.py")):
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                for call in _calls(module, ast.parse(path.read_text()), ()):
                    self._calls[call.name].append(call)

    def statements(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Statements with where they stand, and where some stand that can't be read."""
        found, unreadable = [], []
        for call in itertools.chain.from_iterable(self._calls.values()):
            if call.is_sending and call.node.args:
                try:
                    found += [(call.where, text) for text in self._texts(call.node.args[0], call)]
                except Unreadable:
                    unreadable.append(call.where)
        return found, unreadable

    def _texts(self, node: ast.expr, call: Call) -> list[str]:
        """All texts that an expression of a call can be."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return [*self._texts(node.body, call), *self._texts(node.orelse, call)]
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - _bound_within(node)
        choices = list(self._choices(names, call))
        space = vars(importlib.import_module(call.module))
        return [
            _evaluated(node, {**space, **{name: text for each in chosen for name, text in each.items()}})
            for chosen in itertools.product(*choices)
        ]

    def _choices(self, names: set[str], call: Call) -> Iterator[list[dict[str, str]]]:
        """For names that are a function's: what they can stand for, parameters of one function together."""
        left = set(names)
        for function in reversed(call.functions):
            passed = left & {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
            if passed:
                yield list(self._passed(sorted(passed), function, call.module))
            left -= passed
            for name in sorted(left):
                values = list(_assigned(name, function, call))
                if values:
                    yield [{name: text} for value in values for text in self._texts(value, call)]
                    left.remove(name)

    def _passed(self, wanted: list[str], function: Function, module: str) -> Iterator[dict[str, str]]:
        """What callers pass as some parameters."""
        names = [each.arg for each in function.args.args if each.arg != "self"]
        callers = [
            other
            for other in self._calls.get(function.name, ())
            if other.module == module or not function.name.startswith("_")
        ]
        for other in callers:
            given = {keyword.arg: keyword.value for keyword in other.node.keywords}
            given |= dict(zip(names, other.node.args, strict=False))
            if not given.keys() >= set(wanted):
                raise Unreadable(function.name)
            texts = [self._texts(given[name], other) for name in wanted]
            for chosen in itertools.product(*texts):
                yield dict(zip(wanted, chosen, strict=True))
        if not callers:
            raise Unreadable(function.name)


def _calls(module: str, node: ast.AST, functions: tuple[Function, ...]) -> Iterator[Call]:
    if isinstance(node, Function):
        functions = (*functions, node)
    if isinstance(node, ast.Call):
        yield Call(module, functions, node)
    for child in ast.iter_child_nodes(node):
        yield from _calls(module, child, functions)


def _bound_within(node: ast.expr) -> set[str]:
    targets = [each.target for each in ast.walk(node) if isinstance(each, ast.comprehension)]
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def _assigned(name: str, function: Function, call: Call) -> Iterator[ast.expr]:
    """What a function makes a name stand for."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            pairs = [pair for target in node.targets for pair in _paired(target, node.value)]
        elif isinstance(node, ast.AugAssign):
            pairs = _paired(node.target, None)
        elif isinstance(node, ast.For | ast.comprehension):
            pairs = [pair for each in _elements(node.iter, call) for pair in _paired(node.target, each)]
        else:
            continue
        for target, value in pairs:
            if target == name:
                if value is None:
                    raise Unreadable(name)
                yield value


def _elements(node: ast.expr, call: Call) -> list[ast.expr | None]:
    """What a loop goes through, if that stands there or is a module's constant."""
    if isinstance(node, ast.Tuple):
        return list(node.elts)
    try:
        space = vars(importlib.import_module(call.module))
        looped = eval(compile(ast.Expression(node), call.module, "eval"), dict(space))
        return [ast.parse(repr(each), mode="eval").body for each in looped]
    except (NameError, TypeError, AttributeError, SyntaxError):
        return [None]


def _paired(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if not isinstance(target, ast.Tuple):
        return []
    values = value.elts if isinstance(value, ast.Tuple) else [None] * len(target.elts)
    return [pair for each, one in zip(target.elts, values, strict=True) for pair in _paired(each, one)]


def _evaluated(node: ast.expr, names: dict[str, object]) -> str:
    try:
        found = eval(compile(ast.Expression(node), "", "eval"), names)
    except NameError as error:
        raise Unreadable(ast.unparse(node)) from error
    if not isinstance(found, str):
        raise Unreadable(ast.unparse(node))
    return found
