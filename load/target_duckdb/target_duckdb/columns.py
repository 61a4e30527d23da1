"""What a JSON schema allows, and the columns of a stream with their types in a new table."""

import typing as t
from collections.abc import Iterator, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from target_duckdb import refuse

Schema: t.TypeAlias = dict[str, t.Any]
Path: t.TypeAlias = tuple[str, ...]

_ANY = frozenset({"null", "boolean", "integer", "number", "string", "object", "array"})
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
_NAMES |= {dict: "object", type(None): "null"}
_BITS = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "HUGEINT": 127}
SIGNED = {name: (-(2**bits), 2**bits - 1) for name, bits in _BITS.items()}
DIGITS = 38  # of a DECIMAL
# Types of moments, with their digits below a second.
MOMENTS = {"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3, "TIMESTAMP": 6, "TIMESTAMP_NS": 9}
MOMENTS["TIMESTAMP WITH TIME ZONE"] = 6
_FORMATS = {"date-time": "TIMESTAMP", "date": "DATE", "time": "TIME", "uuid": "UUID"}
_DECIMAL_TEXTS = {"singer.decimal", "x-singer.decimal"}
_EXACT = Context(MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_LONGEST_NUMBER = 10_000
_TIME = {"type": ["string", "null"], "format": "date-time"}
METADATA: dict[str, Schema] = {f"_sdc_{n}_at": _TIME for n in ("extracted", "batched", "deleted")}
METADATA["_sdc_table_version"] = {"type": ["integer", "null"]}


class Column:
    """A column: its type in a new table, and the one that it has in this table."""

    def __init__(self, path: Path, options: list[Schema], *, is_key: bool = False) -> None:
        """Find its type; a path of several names is a field of an object."""
        self.path, self.options, self.is_key = path, options, is_key
        self.name, self.description = "__".join(path), options[0].get("description")
        self.kinds = frozenset[str]().union(*(option["kinds"] for option in options)) - {"null"}
        formats = {option.get("format") for option in options if "string" in option["kinds"]}
        self.format = formats.pop() if len(formats) == 1 else None
        self.is_moment = self.kinds == {"string"} and self.format == "date-time"
        self.type = self.stored = self._new_type()

    def _new_type(self) -> str:
        kinds = self.kinds
        if kinds == {"boolean"}:
            return "BOOLEAN"
        if kinds == {"integer"}:
            least, most = self._known(min, "least"), self._known(max, "most")
            is_bound = least is not None and most is not None
            low, high = SIGNED["INTEGER"]
            return "INTEGER" if is_bound and low <= least and most <= high else "BIGINT"
        if kinds == {"integer", "number"}:
            return self._decimal() or ("DECIMAL(38,0)" if self.is_key else "DOUBLE")
        if "string" not in kinds or kinds & {"object", "array"}:
            return "JSON"
        if self.format in _DECIMAL_TEXTS and self._known(max, "precision"):
            return self._decimal() or "VARCHAR"
        is_text = self.is_key or kinds != {"string"}
        return "VARCHAR" if is_text else _FORMATS.get(self.format or "", "VARCHAR")

    def _decimal(self) -> str | None:
        """Return the DECIMAL for a known step or precision, if its digits suffice."""
        scale, precision = self._known(max, "scale"), self._known(max, "precision")
        if precision is None and scale is not None:
            precision = DIGITS
            least, most = self._known(min, "least"), self._known(max, "most")
            if least is not None and most is not None:
                bound = max(abs(least), abs(most)).to_integral_value()
                precision = max(digits_of(bound)[0], 1) + scale
        is_enough = precision and 0 <= (scale or 0) <= precision <= DIGITS
        return f"DECIMAL({precision},{scale or 0})" if is_enough else None

    def _known(self, choose: t.Callable[..., t.Any], name: str) -> t.Any:
        """Return what is the same for all options, if each of them names it."""
        found = [option.get(name) for option in self.options if option["kinds"] != {"null"}]
        return None if None in found else choose(found)


def fold(name: str) -> str:
    """Return a name the way DuckDB compares names: ASCII letters are small."""
    return name.encode().lower().decode()


def quoted(name: str) -> str:
    """Return a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def columns_of(stream: str, schema: Schema, keys: Sequence[str], levels: int) -> list[Column]:
    """Return the columns of a stream and of METADATA, with so many levels of objects flattened."""
    found: dict[str, Column] = {}
    for path, inner in _leaves(options(schema, schema), levels):
        if not path[-1]:
            refuse(stream, None, "a property has an empty name; rename or deselect it")
        column = Column(path, inner, is_key="__".join(path) in keys)
        if fold(column.name) in METADATA:
            continue  # it has the type that it always has
        other = found.setdefault(fold(column.name), column)
        if other is not column:
            names = f"{other.name} and {column.name}"
            refuse(stream, None, f"DuckDB cannot tell the columns {names} apart; rename one")
    if not found:
        refuse(stream, None, "its SCHEMA has no properties")
    if missing := set(keys) - {column.name for column in found.values()}:
        refuse(stream, None, f"the schema has no property {', '.join(sorted(missing))}, a key")
    return [*found.values(), *(Column((n,), options(node, node)) for n, node in METADATA.items())]


def _leaves(
    found: list[Schema], levels: int, path: Path = ()
) -> Iterator[tuple[Path, list[Schema]]]:
    properties = {n: node for option in found for n, node in option.get("properties", {}).items()}
    for name, node in properties.items():
        inner = options(*node)
        if levels > 0 and any(option.get("properties") for option in inner):
            yield from _leaves(inner, levels - 1, (*path, name))
        else:
            yield (*path, name), inner


def plain(number: str) -> str:
    """Return the one text of a number, without an exponent and zeros at its end."""
    short = Decimal(number).normalize(_EXACT)
    return f"{short:f}" if abs(short.adjusted()) < _LONGEST_NUMBER else str(short)


def digits_of(number: Decimal) -> tuple[int, int]:
    """Return how many digits a number has before its point and after it."""
    exponent = t.cast("int", number.normalize(_EXACT).as_tuple().exponent)
    return max(number.adjusted() + 1, 0) if number else 0, max(-exponent, 0)


def options(node: t.Any, root: Schema, seen: tuple[str, ...] = ()) -> list[Schema]:
    """Return plain schemas, one of which a value must meet.

    `$ref` points into the root, and says nothing when `seen`. Each has `kinds`, of which
    `number` comes with `integer`, and what else is known: the `format` of texts, the `least` and
    `most` of numbers, their digits in all (`precision`) and after the point (`scale`), the
    `description`, and `properties`, as arguments of this function.
    """
    if not isinstance(node, dict):
        return [{"kinds": _ANY}]
    parts = [[part] for part in node.get("allOf") or ()]
    parts += [node[word] for word in ("anyOf", "oneOf") if node.get(word)]
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen = (*seen, reference)
        parts.append([_target(reference, root)])
    found = [_own(node, root, seen)]
    for part in parts:
        more = [option for one in part for option in options(one, root, seen)]
        found = [_both(one, other) for one in found for other in more]
    return found


def _both(one: Schema, other: Schema) -> Schema:
    """Return what both of them allow; of two bounds either one holds."""
    kinds = one["kinds"] & other["kinds"] or one["kinds"]
    properties = one.get("properties", {}) | other.get("properties", {})
    return {**other, **one, "kinds": kinds, "properties": properties}


def _own(node: Schema, root: Schema, seen: tuple[str, ...]) -> Schema:
    """Return what the keywords of this node alone allow, as far as it matters here."""
    given = node.get("type")
    kinds = _kinds({given} if isinstance(given, str) else given or ()) & _ANY or _ANY
    if values := node.get("enum", [node["const"]] if "const" in node else None):
        kinds = _kinds(_NAMES[type(value)] for value in values) & kinds or kinds
    known: Schema = {n: node[n] for n in ("scale", "precision") if type(node.get(n)) is int}
    if (step := _number(node.get("multipleOf"))) is not None:
        known["scale"] = max(-t.cast("int", step.normalize().as_tuple().exponent), 0)
    known |= {
        "kinds": kinds,
        "format": node.get("format"),
        "least": _number(node.get("minimum", node.get("exclusiveMinimum"))),
        "most": _number(node.get("maximum", node.get("exclusiveMaximum"))),
        "description": node.get("description"),
        "properties": {n: (p, root, seen) for n, p in (node.get("properties") or {}).items()},
    }
    return {name: value for name, value in known.items() if value is not None}


def _kinds(names: t.Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    return found | {"integer"} if "number" in found else found


def _number(value: t.Any) -> Decimal | None:
    # Draft 4 has exclusiveMaximum: true.
    return None if value is None or isinstance(value, bool) else Decimal(repr(value))


def _target(reference: str, root: Schema) -> t.Any:
    """Follow a JSON pointer; one that leads nowhere allows everything."""
    found: t.Any = root if reference.startswith("#") else None
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
