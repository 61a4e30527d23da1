"""The tables of a DuckDB file, handed to a destination of dlt: what is new since the last run."""

import ctypes
import os
import warnings

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # before dlt is imported
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # an error is told once, in one line
# Memory that is free goes back: Arrow's own pool, and malloc's one for each thread, keep it.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
if hasattr(libc := ctypes.CDLL(None), "mallopt"):
    libc.mallopt(-8, 1)  # M_ARENA_MAX
warnings.simplefilter("ignore")  # what libraries tell their callers is no news to a person
