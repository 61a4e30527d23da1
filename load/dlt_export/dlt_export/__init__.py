"""The tables of a DuckDB file, handed to a destination of dlt: what is new since the last run."""

import os
import warnings

_DEFAULTS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # an error is told once, in one line
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # memory that is free goes back
    "_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0",
    # A file is held in memory while a merge writes it.
    "DESTINATION__FILESYSTEM__DELTALAKE_CONFIGURATION": '{"delta.targetFileSize": "5000000"}',
}
os.environ.update(_DEFAULTS | os.environ)  # before dlt is imported
warnings.simplefilter("ignore")  # what libraries tell their callers is no news to a person
