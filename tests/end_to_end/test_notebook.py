"""The notebook, run from its first cell to its last."""

from __future__ import annotations

import subprocess
import sys
import typing as t

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARIMO = programs.ROOT / ".tools/notebook/bin/marimo"


def export(folder: Path) -> str:
    page = folder / "account.html"
    command = [str(MARIMO), "export", "html", "notebooks/account.py", "--no-include-code"]
    done = subprocess.run(
        [*command, f"--output={page}"],
        check=False,
        capture_output=True,
        encoding="utf-8",
        cwd=programs.ROOT,
        env=programs.environment(WAREHOUSE=str(folder / "warehouse.duckdb")),
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    assert "marimo+error" not in text
    return text


def test_it_shows_what_is_in_the_warehouse(tmp_path: Path) -> None:
    account = Account(seed=1, bookings=1300)
    with Sandbox(account, key=programs.KEY) as api:
        run = programs.run_tap(tmp_path, programs.settings_for(api.url))
    programs.load(tmp_path, run.output)
    page = export(tmp_path)
    bookings = [b for b in account.objects("bookings") if b.get("in_trash") is not True]
    canceled = sum(b.get("status") == "canceled" for b in bookings)
    assert f"{len(bookings):,}" in page
    assert f"{canceled / len(bookings):.1%}" in page
    for stream in LISTS:
        assert stream in page
    assert "No bookings yet." not in page


@pytest.mark.parametrize("tables", [False, True], ids=["no tables", "no rows"])
def test_it_works_on_an_empty_account(tmp_path: Path, *, tables: bool) -> None:
    if tables:
        account = Account(seed=1, bookings=0, contacts=0, users=0, booking_calendars=0)
        with Sandbox(account, key=programs.KEY) as api:
            run = programs.run_tap(tmp_path, programs.settings_for(api.url))
        programs.load(tmp_path, run.output)
    else:
        duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    page = export(tmp_path)
    assert page.count("No bookings yet.") >= 6
    assert ("Nothing has been loaded yet." in page) is not tables


def test_while_a_load_has_the_file_it_says_so(tmp_path: Path) -> None:
    writer = (
        "import duckdb; c = duckdb.connect('warehouse.duckdb'); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writer],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert "is in use by a load" in export(tmp_path)
        process.kill()


def test_without_a_warehouse_it_says_how_to_get_one(tmp_path: Path) -> None:
    assert "make run" in export(tmp_path)
