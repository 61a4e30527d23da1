"""Write pypi-0.8.0.db.gz, a file of PyPI's loader: python -m tests.target_duckdb.write_by_pypi.

It needs .tools/bench-pypi, which `make bench` sets up.
"""

import gzip
import tempfile
import typing as t
from pathlib import Path

from tests.support import programs, singer

FILE = Path(__file__).with_name("pypi-0.8.0.db.gz")
PROGRAM = programs.ROOT / ".tools/bench-pypi/bin/target-duckdb"
PROPERTIES = {
    "id": {"type": "string"},
    "number": {"type": ["integer", "null"]},
    "minutes": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
    "price": {"type": ["number", "null"]},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "day": {"type": ["string", "null"], "format": "date"},
    "form": {"type": ["object", "null"]},
    "list": {"type": ["array", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "gone": {"type": ["string", "null"]},
}


def row(number: int) -> dict[str, t.Any]:
    """Give a row of the file."""
    return {
        "id": f"BKNG-{number}",
        "number": 2**60 + number,
        "minutes": number,
        "price": number / 8,
        "moment": f"2020-01-01T00:00:{number:02}.5Z",
        "day": f"2020-01-{number + 1:02}",
        "form": {"name": "é 'x'", "n": number},
        "list": [number, None],
        "flag": number % 2 == 0,
        "gone": f"gone {number}",
    }


def main() -> None:
    """Load the rows with PyPI's loader."""
    messages = [singer.schema(**PROPERTIES), *(singer.record(**row(n)) for n in range(9))]
    with tempfile.TemporaryDirectory() as folder:
        config = singer.config(Path(folder), temp_dir=folder, add_metadata_columns="true")
        command, given = [str(PROGRAM), "--config", str(config)], singer.lines(*messages).encode()
        programs.run(command, given=given, TZ="UTC")
        FILE.write_bytes(gzip.compress(Path(folder, "w.duckdb").read_bytes(), mtime=0))


if __name__ == "__main__":
    main()
