"""An account at a glance: `make notebook`, or `marimo run notebooks/account.py`."""

import marimo

__generated_with = "0.1"
app = marimo.App(width="medium", app_title="OnceHub account")


@app.cell
def _():
    import os
    import pathlib

    import altair as alt
    import duckdb
    import marimo as mo

    return alt, duckdb, mo, os, pathlib


@app.cell
def _(duckdb, mo, os, pathlib):
    output = pathlib.Path(__file__).parents[1] / "output"
    found = [f for f in (output / "warehouse.duckdb", output / "demo.duckdb") if f.exists()]
    file = pathlib.Path(os.environ.get("WAREHOUSE", (found or [output / "warehouse.duckdb"])[0]))
    schema = os.environ.get("WAREHOUSE_SCHEMA", "oncehub")
    mo.stop(
        not file.exists(),
        mo.md(f"`{file.name}` is not there yet: `make run` loads an account into it."),
    )
    # An open file stops the next load: copy what is needed, and close it.
    con = duckdb.connect()
    try:
        con.execute(f"ATTACH '{str(file).replace(chr(39), 2 * chr(39))}' AS warehouse (READ_ONLY)")
    except duckdb.IOException:
        mo.stop(
            predicate=True,
            output=mo.md(f"`{file.name}` is in use by a load: reload this page in a minute."),
        )
    con.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    tables = {
        name
        for (name,) in con.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = 'warehouse' AND table_schema = ?",
            [schema],
        ).fetchall()
    }
    for name in tables:
        con.execute(f'CREATE TABLE "{schema}"."{name}" AS FROM warehouse."{schema}"."{name}"')
        # PyPI's loader writes texts here, and other loaders may have no such column.
        con.execute(f'ALTER TABLE "{schema}"."{name}" ADD COLUMN IF NOT EXISTS _sdc_deleted_at INT')
        con.execute(f'DELETE FROM "{schema}"."{name}" WHERE _sdc_deleted_at IS NOT NULL')
    con.execute("DETACH warehouse")
    return con, schema, tables


@app.cell
def _(con, schema, tables):
    # Every query below reads these, so that it works before the first record.
    # Bookings in the trash are left out.
    def source(table, columns):
        if table in tables:
            return f'(SELECT {", ".join(columns)} FROM "{schema}"."{table}")'
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
        return f"(SELECT {nothing} WHERE false)"

    names = {"id": "VARCHAR", "name": "VARCHAR"}
    con.execute("SET TimeZone = 'UTC'")
    con.execute(
        "CREATE OR REPLACE TEMP VIEW bookings AS FROM "
        + source(
            "bookings",
            {
                "id": "VARCHAR",
                "status": "VARCHAR",
                "owner": "VARCHAR",
                "booking_calendar": "VARCHAR",
                "booking_page": "VARCHAR",
                "creation_time": "TIMESTAMP",
                "starting_time": "TIMESTAMP",
                "in_trash": "BOOLEAN",
            },
        )
        + " WHERE in_trash IS NOT true"
    )
    con.execute(
        "CREATE OR REPLACE TEMP VIEW people AS SELECT id, "
        "coalesce(nullif(trim(concat_ws(' ', first_name, last_name)), ''), id) AS name FROM "
        + source("users", {"id": "VARCHAR", "first_name": "VARCHAR", "last_name": "VARCHAR"})
    )
    con.execute(
        "CREATE OR REPLACE TEMP VIEW calendars AS SELECT id, coalesce(name, id) AS name FROM "
        f"(FROM {source('booking_calendars', names)} UNION ALL BY NAME "
        f"FROM {source('booking_pages', names)})"
    )
    ready = True
    return (ready,)


@app.cell
def _(con, mo, ready):
    assert ready
    total, upcoming, canceled, missed, lead, newest = con.execute("""
        SELECT count(*),
            count(*) FILTER (status = 'scheduled'
                AND starting_time > now()::TIMESTAMP),
            count(*) FILTER (status = 'canceled') / nullif(count(*), 0),
            count(*) FILTER (status = 'no_show')
                / nullif(count(*) FILTER (status IN ('completed', 'no_show')), 0),
            median(date_diff('hour', creation_time, starting_time))
                FILTER (starting_time >= creation_time) / 24,
            max(creation_time)
        FROM bookings
    """).fetchall()[0]
    percent = lambda share: "–" if share is None else f"{share:.1%}"  # noqa: E731
    header = mo.vstack(
        [
            mo.md(
                "# The account at a glance\nTimes are UTC. Bookings in the trash do not "
                "count; no-shows are a share of the bookings that were due."
            ),
            mo.hstack(
                [
                    mo.stat(f"{total:,}", label="bookings", bordered=True),
                    mo.stat(f"{upcoming:,}", label="upcoming", bordered=True),
                    mo.stat(percent(canceled), label="canceled", bordered=True),
                    mo.stat(percent(missed), label="no-shows", bordered=True),
                    mo.stat(
                        "–" if lead is None else f"{lead:.1f} days",
                        label="booked ahead (median)",
                        bordered=True,
                    ),
                    mo.stat(
                        f"{newest:%d %b}" if newest else "–",
                        label=f"newest booking{f', {newest:%Y}' if newest else ''}",
                        bordered=True,
                    ),
                ],
                widths="equal",
            ),
        ]
    )
    header
    return


@app.cell
def _(alt, mo, ready):
    assert ready

    # Charts of no rows are replaced by a sentence.
    def chart(rows, title, draw):
        heading = mo.md(f"## {title}")
        if rows.empty:
            return mo.vstack([heading, mo.md("No bookings yet.")])
        return mo.vstack([heading, draw(alt.Chart(rows).properties(width="container"))])

    return (chart,)


@app.cell
def _(alt, chart, con):
    statuses = {
        "completed": "#4c78a8",
        "scheduled": "#9ecae9",
        "requested": "#eeca3b",
        "rescheduled": "#b279a2",
        "canceled": "#f58518",
        "no_show": "#e45756",
    }
    listed = ", ".join(f"'{status}'" for status in statuses)
    chart(
        con.sql(f"""
            SELECT date_trunc('month', starting_time)::DATE AS month,
                if(status IN ({listed}), status, 'unknown') AS status,
                count(*) AS bookings
            FROM bookings WHERE starting_time IS NOT NULL GROUP BY ALL ORDER BY ALL
        """).df(),
        "Bookings by month of their start",
        lambda c: (
            c.mark_bar()
            .encode(
                x=alt.X("yearmonth(month):T", title=None),
                y=alt.Y("bookings:Q", title="bookings"),
                color=alt.Color(
                    "status:N",
                    # The ones that the API's reference names; any other is grey.
                    scale=alt.Scale(
                        domain=[*statuses, "unknown"], range=[*statuses.values(), "#bab0ac"]
                    ),
                    title=None,
                ),
                order=alt.Order("status:N"),
                tooltip=["yearmonth(month):T", "status:N", "bookings:Q"],
            )
            .properties(height=240)
        ),
    )
    return


@app.cell
def _(alt, chart, con):
    chart(
        con.sql("""
            SELECT month, what, 100.0 * share AS percent FROM (
                SELECT date_trunc('month', starting_time)::DATE AS month,
                    count(*) FILTER (status = 'canceled') / count(*) AS "canceled",
                    count(*) FILTER (status = 'no_show') / nullif(
                        count(*) FILTER (status IN ('completed', 'no_show')), 0) AS "no-show"
                FROM bookings WHERE starting_time <= now()::TIMESTAMP GROUP BY ALL
            ) UNPIVOT (share FOR what IN ("canceled", "no-show")) ORDER BY ALL
        """).df(),
        "Canceled, and no-shows of those that were due",
        lambda c: (
            c.mark_line(point=True)
            .encode(
                x=alt.X("yearmonth(month):T", title=None),
                y=alt.Y("percent:Q", title="percent"),
                color=alt.Color("what:N", title=None),
                tooltip=["yearmonth(month):T", "what:N", alt.Tooltip("percent:Q", format=".1f")],
            )
            .properties(height=200)
        ),
    )
    return


@app.cell
def _(alt, chart, con, mo):
    def ranking(title, key, view):
        rows = con.sql(f"""
            SELECT coalesce(v.name, b.{key}, 'nobody')
                    || if(count(*) OVER (PARTITION BY v.name) > 1, ' (' || b.{key} || ')', '')
                AS name,
                count(*) AS bookings,
                100.0 * count(*) FILTER (status = 'canceled') / count(*) AS canceled
            FROM placed AS b LEFT JOIN {view} AS v ON v.id = b.{key}
            GROUP BY b.{key}, v.name ORDER BY bookings DESC, 1 LIMIT 12
        """).df()
        return chart(
            rows,
            title,
            lambda c: (
                c.mark_bar()
                .encode(
                    x=alt.X("bookings:Q", title="bookings"),
                    y=alt.Y("name:N", sort=None, title=None),
                    color=alt.Color(
                        "canceled:Q",
                        scale=alt.Scale(scheme="blues", zero=True),
                        title="% canceled",
                    ),
                    tooltip=["name:N", "bookings:Q", alt.Tooltip("canceled:Q", format=".1f")],
                )
                .properties(height=alt.Step(20))
            ),
        )

    con.execute("""
        CREATE OR REPLACE TEMP VIEW placed AS
        SELECT *, coalesce(booking_calendar, booking_page) AS place FROM bookings
    """)
    mo.hstack(
        [
            ranking("By owner (who first accepted)", "owner", "people"),
            ranking("By calendar or page", "place", "calendars"),
        ],
        widths="equal",
        gap=2,
    )
    return


@app.cell
def _(alt, chart, con, mo):
    mo.hstack(
        [
            chart(
                con.sql("""
                    SELECT least(date_diff('day', creation_time, starting_time), 30) AS days,
                        count(*) AS bookings
                    FROM bookings WHERE starting_time >= creation_time GROUP BY ALL ORDER BY ALL
                """).df(),
                "Days booked ahead (30: or more)",
                lambda c: (
                    c.mark_bar()
                    .encode(
                        x=alt.X(
                            "days:O",
                            title=None,
                            axis=alt.Axis(labelAngle=0, labelOverlap=True),
                            scale=alt.Scale(domain=list(range(31))),
                        ),
                        y=alt.Y("bookings:Q", title="bookings"),
                        tooltip=["days:O", "bookings:Q"],
                    )
                    .properties(height=220)
                ),
            ),
            chart(
                con.sql("""
                    SELECT dayname(starting_time)[:3] AS day, hour(starting_time) AS hour,
                        count(*) AS bookings
                    FROM bookings WHERE starting_time IS NOT NULL GROUP BY ALL
                """).df(),
                "Busiest hours of the week (UTC)",
                lambda c: (
                    c.mark_rect()
                    .encode(
                        x=alt.X(
                            "hour:O",
                            title=None,
                            axis=alt.Axis(labelAngle=0),
                            scale=alt.Scale(domain=list(range(24))),
                        ),
                        y=alt.Y(
                            "day:O",
                            scale=alt.Scale(
                                domain=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
                            ),
                            title=None,
                        ),
                        color=alt.Color("bookings:Q", scale=alt.Scale(scheme="blues"), title=None),
                        tooltip=["day:O", "hour:O", "bookings:Q"],
                    )
                    .properties(height=220)
                ),
            ),
        ],
        widths="equal",
        gap=2,
    )
    return


@app.cell
def _(con, mo, schema, tables):
    def freshness(table):
        columns = {
            name
            for (name,) in con.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = ? AND table_name = ?",
                [schema, table],
            ).fetchall()
        }
        time = next((c for c in ("last_updated_time", "creation_time") if c in columns), None)
        rows, newest, loaded = con.execute(
            f"SELECT count(*), {f'max({time})' if time else 'NULL'}, max(_sdc_batched_at) "
            f'FROM "{schema}"."{table}"'
        ).fetchall()[0]
        text = lambda moment: f"{moment:%Y-%m-%d %H:%M}" if moment else "–"  # noqa: E731
        return {
            "stream": table,
            "rows": rows,
            "newest record": text(newest),
            "last loaded": text(loaded),
        }

    mo.vstack(
        [
            mo.md("## Streams: newest record and last load"),
            mo.ui.table([freshness(name) for name in sorted(tables)], selection=None, page_size=20)
            if tables
            else mo.md("Nothing has been loaded yet."),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
