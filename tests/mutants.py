"""`make mutants`: spoil what matters to users, one thing at a time; a test must see each.

Arguments choose some of mutants.txt by a part of their names. It works in a copy of the project.
There, a name is followed by the file, the tests that must see it, and the change.
"""

import os
import re
import subprocess
import sys
import typing as t
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.programs import ROOT, check_out, environment

_MUTANT = re.compile(r"(?m)^(\w.*)\n@ (\S+) (\S+)(?: -k (.+))?\n((?:-.*\n)+)((?:\+.*\n)*)")


class Mutant(t.NamedTuple):
    """What is spoilt, which tests must see it, and how."""

    harm: str
    file: str
    tests: str
    chosen: str
    removed: str
    added: str

    @property
    def change(self) -> tuple[str, str]:
        """The old text and the new one."""
        old, new = (re.sub("(?m)^.", "", t)[:-1] for t in (self.removed, self.added))
        return old, new


MUTANTS = [*map(Mutant._make, _MUTANT.findall((ROOT / "tests/mutants.txt").read_text("utf-8")))]


def main(chosen: list[str]) -> int:
    """Try them; return how many nobody saw."""
    mutants = [m for m in MUTANTS if not chosen or any(part in m.harm for part in chosen)]
    with TemporaryDirectory() as name:
        copy = Path(name)
        check_out(copy)
        for folder in (".venv", ".tools", ".meltano"):
            (copy / folder).symlink_to(ROOT / folder)
        alive = [mutant.harm for mutant in mutants if not is_seen(mutant, copy)]
    print(f"{len(mutants) - len(alive)} of {len(mutants)} seen")  # noqa: T201
    return len(alive)


def is_seen(mutant: Mutant, copy: Path) -> bool:
    """Spoil one thing; return whether a test fails, or hangs."""
    file = copy / mutant.file
    before = file.read_text("utf-8")
    file.write_text(before.replace(*mutant.change), "utf-8")
    python_path = os.pathsep.join((str(copy), str(copy / "load/target_duckdb")))
    variables = environment(PYTHONPATH=python_path, PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, "-m", "pytest", "-qx", "-m", "not slow", "-p", "no:cacheprovider"]
    command += [mutant.tests, "-k", mutant.chosen]
    status, what = 1, "hangs"
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            command, cwd=copy, env=variables, check=False, capture_output=True, timeout=400
        )
        status, what = done.returncode, (done.stdout or done.stderr).decode().strip()
    file.write_text(before, "utf-8")
    told = "seen" if status == 1 else "NOT SEEN"
    print(f"{told}: {mutant.harm} ({what.splitlines()[-1]})", flush=True)  # noqa: T201
    return status == 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
