"""Whether target-postgres reaches its database; a part of `make check`.

It runs in the loader's own environment, and connects as the loader does.
"""

from __future__ import annotations

import logging
import sys

import sqlalchemy as sa
from target_postgres.target import TargetPostgres

_MAY_LOAD = sa.text(
    "SELECT current_user, current_database(), has_database_privilege(current_database(), 'CREATE')"
)


def main() -> int:
    """Connect; return the exit status."""
    logging.disable()  # the loader's own start
    try:
        target = TargetPostgres(parse_env_config=True)
        connector = target.default_sink_class.connector_class(config=dict(target.config))
        with connector.create_engine().connect() as connection:
            user, database, may_load = connection.execute(_MAY_LOAD).one()
    except Exception as error:  # noqa: BLE001  # whatever it is, one line says it
        reason = " ".join(str(getattr(error, "orig", error)).split())
        print(f"PostgreSQL: {reason}. Check TARGET_POSTGRES_…", file=sys.stderr)
        return 1
    if not may_load:
        print(f"PostgreSQL: {user} may not create schemas in {database}", file=sys.stderr)
        return 1
    print(f"PostgreSQL: {user} may load into {database}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
