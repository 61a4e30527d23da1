"""Dagster: load OnceHub every hour. `dagster dev -f orchestrate/dagster_job.py` shows it.

ONCEHUB_PROJECT is the folder of this project, in which `make install` has run.
"""

from __future__ import annotations

import os
import subprocess

import dagster as dg

# One run at a time: dagster.yaml must have `concurrency: {pools: {default_limit: 1}}`. Meltano
# would take a run that was killed to be still in progress, for five minutes, without --force.
COMMAND = (".venv/bin/meltano", "run", "--force", "tap-oncehub", "target-duckdb")


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
