"""Airflow: load OnceHub every hour. Put this file into the folder of DAGs.

ONCEHUB_PROJECT is the folder of this project, in which `make install` has run.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    "oncehub",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
):
    BashOperator(
        task_id="load",
        # Meltano refuses to run beside one that lives on after its worker was killed. It takes
        # five minutes to see that one is dead, half of what a retry waits.
        bash_command=".venv/bin/meltano run tap-oncehub target-duckdb",
        cwd=os.environ["ONCEHUB_PROJECT"],
        append_env=True,
    )
