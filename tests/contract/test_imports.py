"""Who imports whom: no circles, not even for types, and no part reads another's mind."""

from __future__ import annotations

import ast
import typing as t
from graphlib import TopologicalSorter

import pytest

from tests.support.programs import ROOT

if t.TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("tap_oncehub", "sandbox")


def modules(package: str) -> dict[str, Path]:
    files = ROOT.joinpath(package).rglob("*.py")
    return {
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f
        for f in files
    }


def imported(file: Path, known: t.Collection[str] = ()) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found.update(inner & set(known) or {node.module})
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_in_a_circle(package: str) -> None:
    files = modules(package)
    graph = {
        name: imported(file, files.keys()) & files.keys() - {name} for name, file in files.items()
    }
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_part_imports_another(package: str) -> None:
    others = {"tap_oncehub", "target_duckdb", "sandbox", "tests", "scripts"} - {package}
    for file in modules(package).values():
        assert not {name.partition(".")[0] for name in imported(file)} & others, file


def test_streams_do_not_know_the_tap() -> None:
    for name, file in modules("tap_oncehub").items():
        if name not in {"tap_oncehub.__main__", "tap_oncehub.tap"}:
            assert not {"tap_oncehub.tap", "tap_oncehub.cli"} & imported(
                file, ["tap_oncehub.tap"]
            ), name


def test_the_engine_knows_nothing_above_it() -> None:
    for name, file in modules("tap_oncehub").items():
        if name.startswith("tap_oncehub.engine"):
            ours = {other for other in imported(file) if other.startswith("tap_oncehub")}
            assert all(other.startswith("tap_oncehub.engine") for other in ours), (name, ours)


def test_the_engine_knows_no_service() -> None:
    for file in (ROOT / "tap_oncehub/engine").rglob("*.py"):
        text = file.read_text("utf-8").lower().replace("tap_oncehub.engine", "")
        assert "oncehub" not in text, file
