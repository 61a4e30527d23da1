"""README.md: the pipe works as it stands there, at the first run and at the next."""

from __future__ import annotations

import json
import re
import typing as t

from sandbox import Account, Sandbox
from tests.support import loaders, programs

if t.TYPE_CHECKING:
    from pathlib import Path

README = programs.ROOT.joinpath("README.md").read_text("utf-8")


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_pipe_first_run_and_next(tmp_path: Path) -> None:
    (block,) = re.findall(r"^    pip install \.\n((?:    .*\n)+)", README, re.MULTILINE)
    loader = f"'{loaders.program('target-duckdb')}' --config loader.json"
    commands = block.replace("tap-oncehub", f"'{programs.TAP}'").replace("target-anything", loader)
    file = {"filepath": str(tmp_path / "x.duckdb"), "default_target_schema": "oncehub"}
    (tmp_path / "loader.json").write_text(json.dumps(file))
    with Sandbox(Account(seed=1, bookings=20), key=programs.KEY) as api:
        (tmp_path / "config.json").write_text(json.dumps(programs.settings_for(api.url)))
        for _ in range(2):
            run = programs.run(["/bin/sh", "-ec", commands], tmp_path)
            assert run.status == 0, run.log
            assert "| ERROR" not in run.log
        asked = [entry for entry in api.log if entry.path == "/v2/bookings"]
    assert "last_updated_time.gt" in asked[-1].query
