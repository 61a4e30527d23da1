"""Writes what dbt knows of the models: sources.yml and models.yml in transform/models/.

`.venv/bin/python -m scripts.models_yml` takes the sources from the tap's schemas. It describes a
column of a model by the comment that stands beside it in the SQL, or else as the field that it
comes from. The tests in models.yml are written by hand and kept. A test says when to run it.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import yaml

from tap_oncehub.schemas import load_schema
from tap_oncehub.tap import TapOnceHub

if t.TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = Path(__file__).resolve().parents[1] / "transform/models"
_HEAD = "# Written by `.venv/bin/python -m scripts.models_yml`"
_COLUMN = re.compile(r"^    (?P<expression>\S.*?)(?: as (?P<name>\w+))?,?(?: -- (?P<comment>.+))?$")
_TABLE = re.compile(r"\{\{ (?P<kind>stream|ref)\('(?P<name>\w+)'\) \}\} as (?P<alias>\w+)")
_EACH = re.compile(r"\{\{ each\((?P<list>.+), '(?P<alias>\w+)'\) \}\}")
_OBJECT = r"\((?:item\('(?P<item>\w+)'\)|'(?:\w+\.)?(?P<object>\w+)'), '(?P<field>\w+)'\)"
_FIELD = re.compile(rf"(?:\{{\{{ )?json_\w+{_OBJECT}")
_ITEM = re.compile(r"\{\{ item_text\('(?P<item>\w+)'\) \}\}")
_LOADER = {
    "_sdc_extracted_at": "When the tap read the record, in UTC.",
    "_sdc_deleted_at": "When it was found that the record is gone from the account, in UTC.",
}
_KINDS = {"string": "text", "array": "list"}
_FRESH: dict[str, t.Any] = {
    "users": {
        "warn_after": {"count": 1, "period": "day"},
        "error_after": {"count": 3, "period": "day"},
    },
    "bookings": {"warn_after": {"count": 3, "period": "day"}},
}
"""Every run reads all users, but only the bookings that have changed."""

Schema: t.TypeAlias = dict[str, t.Any]


def sources() -> str:
    """Return the text of sources.yml."""
    source = {
        "name": "oncehub",
        "description": "What the tap reads, as target-duckdb or target-postgres writes it.",
        "schema": "{{ env_var('DBT_ONCEHUB_SCHEMA', 'oncehub') }}",
        "tables": [_table(name) for name in TapOnceHub(config={"api_key": "none"}).streams],
    }
    return _text({"version": 2, "sources": [source]}, f"{_HEAD}.")


def models() -> str:
    """Return the text of models.yml."""
    file = MODELS / "models.yml"
    before = yaml.safe_load(file.read_text("utf-8"))["models"]
    tests = {model["name"]: model for model in before}
    described: dict[str, Schema] = {}
    for path in _files():
        described[path.stem] = _model(path, described)
    for name, model in described.items():
        _keep_tests(model, tests.get(name, {}))
    content = {"version": 2, "models": list(described.values())}
    return _text(content, f"{_HEAD}, but for\n# what stands below data_tests: that is kept.")


def _table(stream: str) -> Schema:
    schema = load_schema(stream)
    columns = [
        {"name": name, "description": part["description"], "data_type": _kind(part)}
        for name, part in schema["properties"].items()
        if name != "secret"
    ]
    columns += [
        {"name": name, "description": text, "data_type": "timestamp"}
        for name, text in _LOADER.items()
    ]
    table = {"name": stream, "description": schema["description"], "columns": columns}
    if stream in _FRESH:
        table["config"] = {"loaded_at_field": "_sdc_extracted_at", "freshness": _FRESH[stream]}
    return table


def _kind(part: Schema) -> str:
    types = [part["type"]] if isinstance(part["type"], str) else part["type"]
    kind = next(name for name in types if name != "null")
    return "timestamp" if part.get("format") == "date-time" else _KINDS.get(kind, kind)


def _files() -> Iterator[Path]:
    """Yield the models, each after those that it reads."""
    files = {path.stem: path for path in sorted(MODELS.rglob("*.sql"))}
    while files:
        name, path = next(
            (name, path)
            for name, path in files.items()
            if files.keys().isdisjoint(re.findall(r"ref\('(\w+)'\)", path.read_text("utf-8")))
        )
        del files[name]
        yield path


def _model(path: Path, described: dict[str, Schema]) -> Schema:
    sql = path.read_text("utf-8")
    comment = re.match(r"(?:-- .+\n)+", sql)
    if comment is None:
        msg = f"{path.name}: begin with a comment that describes the model"
        raise ValueError(msg)
    *_, select = re.split(r"^select\n", sql, flags=re.MULTILINE)
    places = _places(select, described)
    columns = [
        {"name": name, "description": comment or _description(expression, places, path)}
        for name, expression, comment in _columns(select)
    ]
    description = re.sub(r"\s+", " ", comment.group().replace("-- ", "")).strip()
    return {"name": path.stem, "description": description, "columns": columns}


def _columns(select: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield name, expression and comment of the columns; each ends on a line of its own."""
    for line in select.partition("\nfrom ")[0].splitlines():
        column = _COLUMN.match(line)
        if column and column["expression"] != "case":
            name = column["name"] or column["expression"].rpartition(".")[2]
            yield name, column["expression"], column["comment"]


def _places(select: str, described: dict[str, Schema]) -> dict[str, Schema]:
    """Return the schemas of what a query reads, by alias; the first table also without."""
    places: dict[str, Schema] = {}
    for match in _TABLE.finditer(select):
        if match["kind"] == "stream":
            place = load_schema(match["name"])
        else:
            columns = described[match["name"]]["columns"]
            place = {"properties": {column["name"]: column for column in columns}}
        places[match["alias"]] = place
        places.setdefault("", place)
    for match in _EACH.finditer(select):
        places[match["alias"]] = _found(match["list"].strip("'"), places)["items"]
    return places


def _found(expression: str, places: dict[str, Schema]) -> Schema:
    """Return the schema of what an expression reads."""
    if item := _ITEM.match(expression):
        return places[item["item"]]
    if field := _FIELD.match(expression):
        part = places[field["item"] or ""]
        if field["object"]:
            part = part["properties"][field["object"]]
        return t.cast("Schema", part["properties"][field["field"]])
    table, _, column = expression.rpartition(".")
    return t.cast("Schema", places[table]["properties"][column])


def _description(expression: str, places: dict[str, Schema], path: Path) -> str:
    try:
        return str(_found(expression, places)["description"])
    except KeyError:
        msg = f"{path.name}: describe {expression} by a comment at the end of its line"
        raise ValueError(msg) from None


def _keep_tests(model: Schema, before: Schema) -> None:
    columns = {column["name"]: column for column in before.get("columns", [])}
    pairs = [(column, columns.get(column["name"], {})) for column in model["columns"]]
    for new, old in [(model, before), *pairs]:
        if "data_tests" in old:
            new["data_tests"] = old["data_tests"]


def _text(content: Schema, head: str) -> str:
    return f"{head}\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)}"


def main() -> None:
    """Write the files."""
    for name, text in (("sources.yml", sources()), ("models.yml", models())):
        (MODELS / name).write_text(text, encoding="utf-8")
        print(f"Written: {name}")


if __name__ == "__main__":
    main()
