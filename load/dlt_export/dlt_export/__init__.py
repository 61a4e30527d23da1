"""The tables of a DuckDB file, handed to a destination of dlt: what is new since the last run."""

import os
import warnings

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # before dlt is imported
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # an error is told once, in one line
warnings.simplefilter("ignore")  # what libraries tell their callers is no news to a person
