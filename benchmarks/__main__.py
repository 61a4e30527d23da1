"""`make bench`: measure, then write results.md and its charts."""

from __future__ import annotations

import sys

from benchmarks import measures, report
from benchmarks.plan import from_arguments
from benchmarks.results import Results


def main() -> int:
    """Measure what the command line asks for.

    Returns:
        The exit status.
    """
    plan = from_arguments()
    results = Results(plan.folder)
    results.figures.pop("failures", None)
    try:
        if "startup" in plan.pieces:
            measures.startup(plan, results)
        measures.by_size(plan, results)
        if "limits" in plan.pieces:
            measures.limits(plan, results)
    finally:
        report.write(results)
    return int(results.failed)


if __name__ == "__main__":
    sys.exit(main())
