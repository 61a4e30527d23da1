"""The Airbyte CDK's own program for declarative sources, with waits made shorter.

python -m benchmarks.others.airbyte_read read --config ... --catalog ...
"""

from __future__ import annotations

from airbyte_cdk.cli.source_declarative_manifest import run

from benchmarks.others import fast_clock

if __name__ == "__main__":
    fast_clock.install()
    run()
