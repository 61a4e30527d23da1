"""Dagster: load OnceHub every hour. `dagster dev -f orchestrate/dagster_job.py` shows it.

ONCEHUB_PROJECT is the folder of this project, in which `make install` has run.
"""

from __future__ import annotations

import os
import subprocess

import dagster as dg

# One run at a time: dagster.yaml must have `concurrency: {pools: {default_limit: 1}}`. Meltano
# refuses to run beside one that lives on after its worker was killed. It takes five minutes to
# see that one is dead, half of what a retry waits.
COMMAND = (".venv/bin/meltano", "run", "tap-oncehub", "target-duckdb")


@dg.asset(pool="oncehub", retry_policy=dg.RetryPolicy(max_retries=2, delay=600))
def oncehub() -> None:
    """Load everything that has changed in the account."""
    subprocess.run(COMMAND, cwd=os.environ["ONCEHUB_PROJECT"], check=True)


load = dg.define_asset_job("load_oncehub", [oncehub])
defs = dg.Definitions(
    assets=[oncehub],
    jobs=[load],
    schedules=[dg.ScheduleDefinition(job=load, cron_schedule="17 * * * *")],
)
