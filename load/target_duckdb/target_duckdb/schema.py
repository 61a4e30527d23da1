"""What a JSON schema allows, read as JSON Schema means it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from decimal import Decimal

Schema: t.TypeAlias = dict[str, t.Any]

_NUMBERS = frozenset({"integer", "number"})
_ANY = _NUMBERS | {"null", "boolean", "string", "object", "array"}
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
_NAMES |= {dict: "object", type(None): "null"}


@dataclass(frozen=True)
class Meaning:
    """The values that a schema allows."""

    kinds: frozenset[str]
    """Types of JSON; `number` comes with `integer`."""
    formats: frozenset[str | None]
    """Formats of texts."""
    least: Decimal | None
    most: Decimal | None
    scale: int | None
    """Digits after the point, where they are bounded."""
    precision: int | None
    """Digits in all, where the schema names them."""
    properties: dict[str, Meaning]
    description: t.Any

    @property
    def types(self) -> frozenset[str]:
        """The types of the values that are not null."""
        return self.kinds - {"null"}


def read(node: t.Any, root: Schema | None = None, seen: tuple[str, ...] = ()) -> Meaning:
    """Return what a node of a schema allows.

    Args:
        node: The node; what is no object allows everything.
        root: The whole schema, in which `$ref` points.
        seen: The references on the way here; what allows itself says nothing more.
    """
    root = node if root is None else root
    options = _options(node, root, seen)
    numbers = [option for option in options if option["kinds"] & _NUMBERS]
    texts = [option for option in options if "string" in option["kinds"]]

    def bound(choose: t.Callable[..., t.Any], name: str, of: list[Schema]) -> t.Any:
        found = [option.get(name) for option in of]
        return choose(found) if found and None not in found else None

    # What several options name is what any of them names.
    inner = {name: found for o in options for name, found in (o.get("properties") or {}).items()}
    return Meaning(
        kinds=frozenset().union(*(option["kinds"] for option in options)),
        formats=frozenset(option.get("format") for option in texts),
        least=bound(min, "least", numbers),
        most=bound(max, "most", numbers),
        scale=bound(max, "scale", numbers or texts),
        precision=bound(max, "precision", numbers or texts),
        properties={name: read(found, *where) for name, (found, *where) in inner.items()},
        description=options[0].get("description"),
    )


def _options(node: t.Any, root: Schema, seen: tuple[str, ...]) -> list[Schema]:
    """Return plain schemas, one of which a value must meet."""
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
        more = [option for one in part for option in _options(one, root, seen)]
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
    kinds = ({given} if isinstance(given, str) else set(given or ())) & _ANY or set(_ANY)
    if "enum" in node or "const" in node:
        values = node["enum"] if "enum" in node else [node["const"]]
        names = {_NAMES[type(value)] for value in values}
        kinds = set(_with_integer(kinds) & _with_integer(names)) or kinds
    scale, precision = (
        v if isinstance(v := node.get(n), int) else None for n in ("scale", "precision")
    )
    if (step := _number(node.get("multipleOf"))) is not None:
        scale = max(-t.cast("int", step.normalize().as_tuple().exponent), 0)
    properties = {n: (p, root, seen) for n, p in (node.get("properties") or {}).items()}
    found = {
        "kinds": _with_integer(kinds),
        "format": node.get("format"),
        "least": _number(node.get("minimum", node.get("exclusiveMinimum"))),
        "most": _number(node.get("maximum", node.get("exclusiveMaximum"))),
        "scale": None if scale is None or scale < 0 else scale,
        "precision": precision,
        "description": node.get("description"),
        "properties": properties,
    }
    return {name: value for name, value in found.items() if value is not None}


def _with_integer(kinds: set[str]) -> frozenset[str]:
    return frozenset(kinds | {"integer"} if "number" in kinds else kinds)


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
