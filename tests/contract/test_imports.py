"""Who imports whom: no circles, not even for types, and no part reads another's mind."""

import ast
import typing as t
from graphlib import TopologicalSorter

import pytest

from tests.support.programs import ROOT

PARTS = {"tap_oncehub", "target_duckdb", "sandbox", "tests", "scripts"}
COMMAND = {"tap_oncehub.tap", "tap_oncehub.cli"}


def imports(package: str) -> dict[str, set[str]]:
    """Give what each module of a package imports."""
    files = {
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f
        for f in ROOT.joinpath(package).rglob("*.py")
    }
    return {name: set(named(f.read_text("utf-8"), files)) for name, f in files.items()}


def named(code: str, known: t.Collection[str]) -> t.Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from {f"{node.module}.{n.name}" for n in node.names} & {*known} or {node.module}


@pytest.mark.parametrize("package", ["tap_oncehub", "sandbox"])
def test_package_has_no_circle_and_imports_no_other(package: str) -> None:
    graph = imports(package)
    TopologicalSorter({n: its & graph.keys() - {n} for n, its in graph.items()}).prepare()
    for name, found in graph.items():
        assert not {other.partition(".")[0] for other in found} & (PARTS - {package}), name
        assert not found & COMMAND or name in {"tap_oncehub.__main__", "tap_oncehub.tap"}, name


def test_engine_knows_no_service_and_nothing_above_it() -> None:
    for name, found in imports("tap_oncehub/engine").items():
        ours = {other for other in found if other.startswith("tap_oncehub")}
        assert all(other.startswith("tap_oncehub.engine") for other in ours), name
    for file in (ROOT / "tap_oncehub/engine").rglob("*.py"):
        text = file.read_text("utf-8").lower().replace("tap_oncehub.engine", "")
        assert "oncehub" not in text, file
