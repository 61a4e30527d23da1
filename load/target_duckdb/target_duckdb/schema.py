"""What a JSON schema allows, read as JSON Schema means it."""

import typing as t
from decimal import Decimal

Schema: t.TypeAlias = dict[str, t.Any]

_ANY = frozenset({"null", "boolean", "integer", "number", "string", "object", "array"})
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
_NAMES |= {dict: "object", type(None): "null"}


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


def properties_of(found: list[Schema]) -> dict[str, list[Schema]]:
    """Return the properties that any option names, with their own options."""
    inner = {name: node for option in found for name, node in option.get("properties", {}).items()}
    return {name: options(*node) for name, node in inner.items()}


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
    if value is None or isinstance(value, bool):  # draft 4 has exclusiveMaximum: true
        return None
    if not isinstance(value, (int, float)):
        raise TypeError
    return Decimal(repr(value))


def _target(reference: str, root: Schema) -> t.Any:
    """Follow a JSON pointer; one that leads nowhere allows everything."""
    found: t.Any = root if reference.startswith("#") else None
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
