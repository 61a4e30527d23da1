"""What the pages point to exists, and every block in them is run by something."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.pages import PAGES, ROOT

LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)")
PATH = re.compile(r"`((?:tap_oncehub|sandbox|tests|docs|scripts|transform|load)/[\w/.-]*\w/?)`")
LISTED = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
ALL = PAGES | {
    str(p.relative_to(ROOT)): p.read_text("utf-8") for p in ROOT.glob("load/*/README.md")
}


def prose(name: str) -> str:
    """The text of a page without its code."""
    text = re.sub(r"^```.*?^```", "", ALL[name], flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^ {4,}\S.*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ALL)
def test_links_and_paths(name: str) -> None:
    for target, anchor in LINK.findall(prose(name)):
        file = (ROOT / name).parent / target if target else ROOT / name
        assert file.exists(), target
        if anchor:
            page = str(file.resolve().relative_to(ROOT))
            headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
            plain = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            plain |= {*re.findall(r'<a id="(\w+)">', ALL.get(page, ""))}
            assert anchor in plain, (target, anchor)
    made_up = {"docs/adding-an-endpoint.md": "locations"}.get(name, " ")
    for path in PATH.findall(ALL[name]):
        assert made_up in path or ROOT.joinpath(path).exists(), path
    for view in re.findall(r"`(stg_[a-z_]+)`", ALL[name]):
        assert ROOT.joinpath(f"transform/models/staging/{view}.sql").exists(), view


def test_targets_of_make() -> None:
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page, command in pages.commands():
        if command.startswith("make "):
            targets = re.findall(r"(?<= )[a-z-]+(?= |$)", command)
            assert set(targets) <= known, (page, command)


def test_every_block_is_run_by_something() -> None:
    runs = {(page, one) for page, many in pages.RUN_BY for one in many.split()}
    assert {b[:2] for b in pages.blocks() if b.language != "sh"} == runs
    for (page, _), test in pages.RUN_BY.items():
        assert not test or page.removeprefix("docs/") in ROOT.joinpath(test).read_text("utf-8")
    used = {pages.left_out(command) for _, command in pages.commands()}
    assert used - {""} == set(pages.NOT_WALKED.values())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_command(tmp_path: Path) -> None:
    clone = ["/usr/bin/env", "git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    for page, command, status, _, output in pages.walk(str(tmp_path / "clone")):
        assert status == 0, (page, command, output)


def test_folders_are_in_the_table_of_agents() -> None:
    listed = subprocess.run(LISTED, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    folders = {name.split("/")[0] for name in listed.stdout.splitlines() if "/" in name}
    table = re.findall(r"^\| (`.+?) \|", PAGES["AGENTS.md"], re.MULTILINE)
    named = {name.split("/")[0] for name in re.findall(r"`([\w.]+)/", " ".join(table))}
    assert named - {"schemas"} == {name for name in folders if ROOT.joinpath(name).is_dir()}
    assert len(folders) <= 13
