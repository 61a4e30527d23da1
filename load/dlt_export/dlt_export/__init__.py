"""The tables of a DuckDB file, handed to a destination of dlt: what is new since the last run."""

import os
import warnings

_DEFAULTS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # an error is told once, in one line
    # Memory that is free goes back.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0",
    # A file is held in memory while a merge writes it.
    "DESTINATION__FILESYSTEM__DELTALAKE_CONFIGURATION": '{"delta.targetFileSize": "5000000"}',
}
for name, value in _DEFAULTS.items():  # before dlt is imported
    os.environ.setdefault(name, value)
warnings.simplefilter("ignore")  # what libraries tell their callers is no news to a person
