"""`make generate`: write what follows from the tap's classes and schemas, and from meltano.yml."""

import typing as t
from collections.abc import Iterator
from pathlib import Path

import yaml

from tap_oncehub.client import OnceHubStream
from tap_oncehub.engine.records import EXTRA
from tap_oncehub.tap import TapOnceHub

Schema: t.TypeAlias = dict[str, t.Any]

ROOT = Path(__file__).parents[1]
ENTRY = "dist/hub/_data/meltano/extractors/tap-oncehub/tap-oncehub.yml"
_HUB = {
    "domain_url": "https://www.oncehub.com",
    "keywords": ["api", "meltano_sdk", "scheduling"],
    "log_parser": "singer-sdk",
    "logo_url": "/assets/logos/extractors/oncehub.svg",
    "maintenance_status": "active",
    "pip_url": "tap-oncehub",
    "quality": "unknown",
    "repo": "https://github.com/tap-oncehub/tap-oncehub",
    "variant": "tap-oncehub",
}
_STREAMS_HEAD = """\
# Streams and their fields

Written by `make generate`. Every field but the primary key is nullable, null where OnceHub sends
nothing. Brackets hold the fields of an object. A number sent for a string becomes its text. Loaders
add columns that begin with `_sdc_`. OnceHub's objects also have `object`, a string: their kind.
Every stream also has `_extra`: {extra}

| stream | what | endpoint | primary key | replication | for each of | selected by default |
| --- | --- | --- | --- | --- | --- | --- |"""
_LOADER_COLUMNS = {
    "_sdc_extracted_at": "When the tap read the record, in UTC.",
    "_sdc_deleted_at": "When it was found that the record is gone from the account, in UTC.",
}


def files() -> dict[str, str]:
    """Return the content of the files that are kept in git, by path."""
    tap = TapOnceHub(config={"api_key": "none", "include_webhook_secrets": True})
    streams: list[t.Any] = [*tap.streams.values()]
    return {
        "docs/streams.md": "\n".join(_streams_page(streams)) + "\n",
        "transform/models/sources.yml": f"# Written by `make generate`.\n{_yaml(_sources(), 120)}",
        "plugin.yaml": _yaml(_definition(), sort_keys=True),
    }


def hub_files() -> dict[str, str]:
    """Return the content of the files of a pull request to Meltano Hub, by path."""
    definition = _definition()
    del definition["load_schema"]  # the Hub knows none
    return {
        ENTRY: _yaml(definition, sort_keys=True),
        f"dist/hub/static{_HUB['logo_url']}": ROOT.joinpath("docs/logo.svg").read_text("utf-8"),
    }


def _definition() -> Schema:
    """Return what meltano.yml says of the tap, as other projects need it."""
    content = yaml.safe_load(ROOT.joinpath("meltano.yml").read_text("utf-8"))
    (definition,) = content["plugins"]["extractors"]
    del definition["commands"], definition["config"]  # of this project
    definition["settings"].sort(key=lambda setting: setting["name"])
    return {**definition, **_HUB}


def _streams_page(streams: list[OnceHubStream]) -> Iterator[str]:
    extra = streams[0].schema["properties"][EXTRA]["description"]
    yield _STREAMS_HEAD.format(extra=extra[0].lower() + extra[1:])
    shown = {stream.name: _fields(stream) for stream in streams}
    for stream in streams:
        key, what, fields = stream.replication_key, stream.schema["description"], _fields(stream)
        for other, listed in shown.items():
            if 1 < len(listed) < len(fields) and listed.items() <= fields.items():
                what += f" It has the fields of [{other}](#{other}) and those below."
                shown[stream.name] = {n: part for n, part in fields.items() if n not in listed}
        yield _row(
            f"[{stream.name}](#{stream.name})",
            what,
            f"`GET {stream.path}`",
            ", ".join(stream.primary_keys),
            f"incremental by {key}" if key else "full table",
            f"`{stream.source}`" if stream.source else "",
            "yes" if stream.selected_by_default else "no",
        )
    yield "\n| stream | field | type | description |\n| --- | --- | --- | --- |"
    for name, fields in shown.items():
        first = f'<a id="{name}"></a>**{name}**'
        for field, part in fields.items():
            yield _row(first, f"`{field}`", _type_of(part), part["description"] + _inside(part))
            first = ""


def _fields(stream: OnceHubStream) -> Schema:
    return {n: p for n, p in stream.schema["properties"].items() if n not in {EXTRA, "object"}}


def _type_of(part: Schema) -> str:
    """Return the type of a field as a page for people has it."""
    types = [part["type"]] if isinstance(part["type"], str) else part["type"]
    kind = next(name for name in types if name != "null")
    if kind == "array":
        return f"list of {_type_of(part['items'])}s"
    return str(part.get("format", kind))


def _inside(part: Schema) -> str:
    """Name what an object, or each object of a list, holds, however deep."""
    properties = part.get("properties") or part.get("items", {}).get("properties", {})
    names = ", ".join(
        f"`{name}{'[]' if 'items' in inner else ''}`" + _inside(inner)
        for name, inner in properties.items()
    )
    return f" ({names})" if names else ""


def _row(*cells: str) -> str:
    escaped = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _sources() -> Schema:
    source = {
        "name": "oncehub",
        "description": "What the tap reads, as target-duckdb or target-postgres writes it.",
        "schema": "{{ env_var('DBT_ONCEHUB_SCHEMA', 'oncehub') }}",
        "config": {"loaded_at_field": "_sdc_extracted_at"},
        "tables": [_table(s) for s in TapOnceHub(config={"api_key": "none"}).streams.values()],
    }
    return {"version": 2, "sources": [source]}


def _table(stream: t.Any) -> Schema:
    kinds = {"string": "text", "date-time": "timestamp"}
    columns = []
    for name, part in stream.schema["properties"].items():
        kind = _type_of(part).split()[0]  # list of what there is no type for
        columns.append((name, part["description"], kinds.get(kind, kind)))
    columns += [(name, text, "timestamp") for name, text in _LOADER_COLUMNS.items()]
    return {
        "name": stream.name,
        "description": stream.schema["description"],
        "columns": [{"name": n, "description": d, "data_type": k} for n, d, k in columns],
    }


def _yaml(content: Schema, width: int = 80, *, sort_keys: bool = False) -> str:
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=sort_keys, width=width))


def main(_: Path, what: str = "") -> None:
    """Write the files, or for `make hub` those of a pull request to Meltano Hub, into dist/hub."""
    for place, text in (hub_files() if what == "hub" else files()).items():
        ROOT.joinpath(place).parent.mkdir(parents=True, exist_ok=True)
        ROOT.joinpath(place).write_text(text, encoding="utf-8")
        print(f"Written: {place}")
