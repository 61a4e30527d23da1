"""The tables of a DuckDB file, handed to a destination of dlt: what is new since the last run."""

import ctypes
import os
import warnings

_DEFAULTS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # an error is told once, in one line
    # Memory that is free goes back: Arrow, delta-rs and each thread's malloc would keep it.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0",
    "TOKIO_WORKER_THREADS": "1",
    # A file is held in memory while a merge writes it.
    "DESTINATION__FILESYSTEM__DELTALAKE_CONFIGURATION": '{"delta.targetFileSize": "5000000"}',
}
for name, value in _DEFAULTS.items():  # before dlt is imported
    os.environ.setdefault(name, value)
if hasattr(libc := ctypes.CDLL(None), "mallopt"):
    libc.mallopt(-8, 1)  # M_ARENA_MAX
warnings.simplefilter("ignore")  # what libraries tell their callers is no news to a person
