# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""An account at a glance: `make notebook`, or `marimo run notebooks/account.py`.

It reads the marts that `make models` makes; without them, the tables that the tap has loaded.
"""

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
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    try:
        con.execute(f"ATTACH '{str(file).replace(chr(39), 2 * chr(39))}' AS warehouse (READ_ONLY)")
    except duckdb.IOException as error:
        holder = str(error).partition("lock is held in ")[2].partition(". ")[0]
        in_use = (
            f"`{file.name}` is being written by {holder}: close it there, then reload this page."
        )
        mo.stop(predicate=True, output=mo.md(in_use))

    def tables_of(schema):
        found = con.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE database_name = 'warehouse' AND schema_name = ? ORDER BY 1",
            [schema],
        )
        return [name for (name,) in found.fetchall()]

    marts = {"bookings", "account_health"} <= {*tables_of(f"{schema}_marts")}
    tables = tables_of(schema)
    is_sample = file.name == "demo.duckdb"  # where `make run` loads it
    return con, is_sample, marts, schema, tables


@app.cell
def _(con, is_sample, marts, schema, tables):
    # The rows of a raw table; nulls for columns, and no rows for streams, that are not loaded.
    def raw(table, **columns):
        columns["_sdc_deleted_at"] = "TIMESTAMP"
        rows = "SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
        rows += " WHERE false"
        if table in tables:
            rows += f' UNION ALL BY NAME FROM warehouse."{schema}"."{table}"'
        return f"(SELECT {', '.join(columns)} FROM ({rows}) WHERE _sdc_deleted_at IS NULL)"

    def health_of(table):
        times = ("_sdc_extracted_at", "last_updated_time", "creation_time")
        return f"""
            SELECT '{table}' AS stream, count(*) AS record_count,
                max(_sdc_extracted_at) AS last_loaded_at,
                max(coalesce(last_updated_time, creation_time)) AS newest_record_at
            FROM {raw(table, **dict.fromkeys(times, "TIMESTAMP"))}"""

    def bookings_of_raw():
        texts = ("id", "subject", "status", "owner", "booking_calendar", "booking_page")
        texts += ("rescheduled_booking_id",)
        booking = dict.fromkeys(texts, "VARCHAR") | {"in_trash": "BOOLEAN"}
        booking |= dict.fromkeys(("creation_time", "starting_time"), "TIMESTAMP")
        person = dict.fromkeys(("id", "first_name", "last_name", "timezone"), "VARCHAR")
        named = dict.fromkeys(("id", "name"), "VARCHAR")
        return f"""
            SELECT status, creation_time, starting_time, subject, owner AS owner_id,
                nullif(trim(concat_ws(' ', first_name, last_name)), '') AS owner_name,
                coalesce(booking_calendar, booking_page) AS booked_on_id,
                coalesce(calendars.name, pages.name) AS booked_on_name,
                bookings.id IN (
                    SELECT rescheduled_booking_id FROM {raw("bookings", **booking)}
                    WHERE rescheduled_booking_id <> id
                ) AS is_replaced,
                starting_time AT TIME ZONE 'UTC' AT TIME ZONE CASE
                    WHEN timezone IN (SELECT name FROM pg_timezone_names()) THEN timezone
                END AS owner_starting_time
            FROM {raw("bookings", **booking)} AS bookings
            LEFT JOIN {raw("users", **person)} AS users ON users.id = owner
            LEFT JOIN {raw("booking_calendars", **named)} AS calendars
                ON calendars.id = booking_calendar
            LEFT JOIN {raw("booking_pages", **named)} AS pages ON pages.id = booking_page
            WHERE in_trash IS NOT true"""

    # Two of one name are told apart by their ids.
    def label(name, key):
        return f"""
            coalesce({name}, {key}, 'none') || if(
                count(DISTINCT {key}) OVER (PARTITION BY {name}) > 1 AND {name} IS NOT NULL,
                ' (' || {key} || ')', '')"""

    raw_health = " UNION ALL ".join(map(health_of, tables or ["bookings"]))
    con.execute(f"CREATE TABLE raw_health AS {raw_health}")
    if marts:
        place = f'warehouse."{schema}_marts"'
        con.execute(
            f"CREATE TABLE health AS SELECT * EXCLUDE is_loaded FROM {place}.account_health "
            "WHERE is_loaded"
        )
        con.execute(f"CREATE TABLE booked AS FROM {place}.bookings")
    else:
        con.execute("CREATE TABLE health AS FROM raw_health")
        con.execute(f"CREATE TABLE booked AS {bookings_of_raw()}")
    con.execute(f"""
        CREATE TABLE bookings AS SELECT *, {label("owner_name", "owner_id")} AS owner,
            {label("booked_on_name", "booked_on_id")} AS calendar
        FROM booked WHERE NOT is_replaced""")
    con.execute("DETACH warehouse")  # an open file stops the next load
    notes = "This is **sample data**. " if is_sample else ""
    if not marts:
        notes += "There are no marts: `make models` adds customers and campaigns. "
    ready = True
    return notes, ready


@app.cell
def _(alt, con, mo):
    # As many beside each other as there is room for.
    def grid(*items, width):
        columns = f"repeat(auto-fit, minmax(min({width}, 100%), 1fr))"
        cells = "".join(f'<div style="min-width: 0">{mo.as_html(item)}</div>' for item in items)
        style = f"display: grid; gap: 1rem; grid-template-columns: {columns}"
        return mo.Html(f'<div style="{style}">{cells}</div>')

    def table(query, page_size):
        return mo.ui.table(
            con.sql(query).to_arrow_table(),
            selection=None,
            page_size=page_size,
            show_column_summaries=False,
            show_data_types=False,
        )

    def chart(title, query, mark, height, **encoding):
        rows = con.sql(query).df()
        drawn = mo.md("No bookings.")
        if not rows.empty:
            drawn = alt.Chart(rows, mark=mark, width="container", height=height)
            drawn = drawn.encode(tooltip=[*rows.columns], **encoding)
        return mo.vstack([mo.md(f"## {title}"), drawn])

    def legend(title=None, **options):
        return alt.Legend(title=title, orient="bottom", **options)

    month = alt.X("yearmonth(month):T", title=None, axis=alt.Axis(labelSeparation=8))
    return chart, grid, legend, month, table


@app.cell
def _(con, mo, notes, ready, table):
    assert ready
    loaded, is_old, is_behind, newest, replaced = con.execute("""
        SELECT max(h.last_loaded_at), max(h.last_loaded_at) < now()::TIMESTAMP - INTERVAL 1 DAY,
            bool_or(raw.last_loaded_at > h.last_loaded_at),
            (SELECT max(creation_time) FROM bookings),
            (SELECT count(*) FROM booked WHERE is_replaced)
        FROM health AS h LEFT JOIN raw_health AS raw USING (stream)""").fetchall()[0]
    text = "Nothing has been loaded yet: `make run`."
    if loaded:
        text = f"Loaded **{loaded:%Y-%m-%d %H:%M}**{', more than a day ago' if is_old else ''}."
    if newest:
        text += f" The newest booking was made {newest:%Y-%m-%d %H:%M}."
    if is_behind:
        text += " Something was loaded later: `make models` brings it in."
    left_out = f"Left out: what is deleted or in the trash, and {replaced:,} bookings whose place "
    left_out += "another one took."
    mo.vstack(
        [
            mo.md("# The account at a glance"),
            mo.callout(
                mo.md(f"{notes}{text} Times are UTC, unless a heading says otherwise. {left_out}"),
                kind="warn" if is_old or is_behind else "neutral",
            ),
            mo.accordion({"Streams": table("FROM health ORDER BY stream", 20)}),
        ]
    )
    return


@app.cell
def _(con, mo, ready):
    assert ready
    _first, _last, _owners, _calendars = con.execute("""
        SELECT min(starting_time)::DATE, max(starting_time)::DATE,
            list(DISTINCT owner ORDER BY owner), list(DISTINCT calendar ORDER BY calendar)
        FROM bookings""").fetchall()[0]
    dates = mo.ui.date_range(_first, _last, label="Start between")
    owner = mo.ui.multiselect(_owners or [], label="Owner")
    calendar = mo.ui.multiselect(_calendars or [], label="Calendar or page")
    mo.hstack([dates, owner, calendar], justify="start", gap=2, wrap=True)
    return calendar, dates, owner


@app.cell
def _(calendar, con, dates, owner):
    # A booking that has no start is in any range.
    con.execute(
        """
        CREATE OR REPLACE TABLE chosen AS FROM bookings
        WHERE coalesce(starting_time::DATE BETWEEN $first AND $last, true)
            AND ($owners = [] OR owner IN $owners)
            AND ($calendars = [] OR calendar IN $calendars)
        """,
        {
            **dict(zip(("first", "last"), dates.value, strict=True)),
            "owners": owner.value,
            "calendars": calendar.value,
        },
    )
    # The queries below name it, and so run again when a filter changes.
    chosen = "chosen"
    return (chosen,)


@app.cell
def _(chosen, con, grid, mo):
    total, upcoming, canceled, missed, ahead = con.execute(f"""
        SELECT count(*),
            count(*) FILTER (
                status IN ('requested', 'scheduled', 'rescheduled')
                AND starting_time > now()::TIMESTAMP),
            count(*) FILTER (status = 'canceled') / nullif(count(*), 0),
            count(*) FILTER (status = 'no_show')
                / nullif(count(*) FILTER (status IN ('completed', 'no_show')), 0),
            median(date_diff('hour', creation_time, starting_time))
                FILTER (starting_time >= creation_time) / 24
        FROM {chosen}""").fetchall()[0]
    stats = {
        "bookings": f"{total:,}",
        "upcoming": f"{upcoming:,}",
        "canceled": "–" if canceled is None else f"{canceled:.1%}",
        "no-shows": "–" if missed is None else f"{missed:.1%}",
        "median lead time": "–" if ahead is None else f"{ahead:.1f} days",
    }
    grid(*(mo.stat(n, label=what, bordered=True) for what, n in stats.items()), width="9rem")
    return


@app.cell
def _(alt, chart, chosen, legend, month):
    statuses = {
        "completed": "#4c78a8",
        "scheduled": "#9ecae9",
        "rescheduled": "#72b7b2",
        "requested": "#eeca3b",
        "canceled": "#f58518",
        "no_show": "#e45756",
        "unknown": "#bab0ac",  # not one that the API's reference names
    }
    chart(
        "Bookings by month of their start",
        f"""
        SELECT date_trunc('month', starting_time)::DATE AS month,
            if(status IN {tuple(statuses)}, status, 'unknown') AS status, count(*) AS bookings
        FROM {chosen} WHERE starting_time IS NOT NULL GROUP BY ALL ORDER BY ALL""",
        mark="bar",
        height=240,
        x=month,
        y="bookings:Q",
        color=alt.Color(
            "status:N",
            scale=alt.Scale(domain=[*statuses], range=[*statuses.values()]),
            legend=legend(columns=3),
        ),
    )
    return


@app.cell
def _(alt, chart, chosen, legend, month):
    chart(
        "Cancellation and no-show rates",
        f"""
        SELECT month, what, round(100 * share, 1) AS percent FROM (
            SELECT date_trunc('month', starting_time)::DATE AS month,
                count(*) FILTER (status = 'canceled') / count(*) AS "canceled",
                count(*) FILTER (status = 'no_show') / nullif(
                    count(*) FILTER (status IN ('completed', 'no_show')), 0) AS "no-show"
            FROM {chosen} WHERE starting_time <= now()::TIMESTAMP GROUP BY ALL
        ) UNPIVOT (share FOR what IN ("canceled", "no-show")) ORDER BY ALL""",
        mark=alt.MarkDef("line", point=True),
        height=200,
        x=month,
        y="percent:Q",
        color=alt.Color("what:N", legend=legend()),
    )
    return


@app.cell
def _(alt, chart, chosen, grid, legend):
    blues = alt.Scale(scheme="blues", zero=True)

    def ranking(title, column):
        return chart(
            title,
            f"""
            SELECT {column} AS name, count(*) AS bookings,
                round(100 * count(*) FILTER (status = 'canceled') / count(*), 1) AS canceled
            FROM {chosen} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12""",
            mark="bar",
            height=alt.Step(20),
            x="bookings:Q",
            y=alt.Y("name:N", sort=None, title=None),
            color=alt.Color("canceled:Q", scale=blues, legend=legend("% canceled")),
        )

    def ordered(domain):
        axis = alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=4)
        return {"axis": axis, "scale": alt.Scale(domain=domain), "title": None}

    days = chart(
        "Lead time in days (30 = 30 or more)",
        f"""
        SELECT least(date_diff('day', creation_time, starting_time), 30) AS days,
            count(*) AS bookings
        FROM {chosen} WHERE starting_time >= creation_time GROUP BY ALL ORDER BY ALL""",
        mark="bar",
        height=220,
        x=alt.X("days:O", **ordered([*range(31)])),
        y="bookings:Q",
    )
    busiest = chart(
        "Busiest hours (owner's local time)",
        f"""
        SELECT dayname(start)[:3] AS day, hour(start) AS hour, count(*) AS bookings
        FROM (SELECT coalesce(owner_starting_time, starting_time) AS start FROM {chosen})
        WHERE start IS NOT NULL GROUP BY ALL""",
        mark="rect",
        height=220,
        x=alt.X("hour:O", **ordered([*range(24)])),
        y=alt.Y("day:O", **ordered(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])),
        color=alt.Color("bookings:Q", scale=blues, legend=legend()),
    )
    grid(
        ranking("By owner (who first accepted)", "owner"),
        ranking("By calendar or page", "calendar"),
        days,
        busiest,
        width="22rem",
    )
    return


@app.cell
def _(chosen, marts, mo, table):
    columns = "starting_time, status, owner, calendar, subject"
    if marts:
        columns += ", customer_name, customer_company, utm_campaign, lead_time_hours, cancel_reason"
    mo.vstack(
        [
            mo.md("## Filtered bookings"),
            table(f"SELECT {columns} FROM {chosen} ORDER BY starting_time DESC", 10),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
