"""What a JSON schema allows, read as JSON Schema means it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Schema: t.TypeAlias = dict[str, t.Any]

_NUMBERS = frozenset({"integer", "number"})
ANY = _NUMBERS | {"null", "boolean", "string", "object", "array"}


@dataclass(frozen=True)
class Meaning:
    """The values that a schema allows."""

    kinds: frozenset[str] = ANY
    """Types of JSON; `number` comes with `integer`."""
    formats: frozenset[str | None] = frozenset({None})
    """Formats of texts."""
    least: Decimal | None = None
    most: Decimal | None = None
    scale: int | None = None
    """Digits after the point, where they are bounded."""
    precision: int | None = None
    """Digits in all, where the schema names them."""
    properties: dict[str, Meaning] = field(default_factory=dict)
    description: t.Any = None

    @property
    def types(self) -> frozenset[str]:
        """The types of the values that are not null."""
        return self.kinds - {"null"}


def read(node: t.Any, root: Schema, seen: tuple[str, ...] = ()) -> Meaning:
    """Return what a node of a schema allows.

    Args:
        node: The node; what is no object allows everything.
        root: The whole schema, in which `$ref` points.
        seen: The references on the way here; what allows itself says nothing more.
    """
    if not isinstance(node, dict):
        return Meaning()
    parts = [_own(node)]
    parts += [read(part, root, seen) for part in node.get("allOf") or ()]
    for word in ("anyOf", "oneOf"):
        if options := node.get(word):
            parts.append(_any([read(option, root, seen) for option in options]))
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        parts.append(read(_target(reference, root), root, (*seen, reference)))
    found = reduce(_both, parts)
    inner = node.get("properties") or {}
    own = {name: read(inner[name], root, seen) for name in inner}
    if not own and len(parts) == 1:
        return found
    description = next((p.description for p in parts if p.description is not None), None)
    return replace(found, properties=found.properties | own, description=description)


def _own(node: Schema) -> Meaning:
    """Return what the keywords of this node alone allow."""
    given = node.get("type")
    kinds = ({given} if isinstance(given, str) else set(given or ())) & ANY or set(ANY)
    if "number" in kinds:
        kinds.add("integer")
    if "enum" in node or "const" in node:
        values = node["enum"] if "enum" in node else [node["const"]]
        kinds &= set().union(*map(_kinds_of, values)) or kinds
    scale, precision = node.get("scale"), node.get("precision")
    if (step := _number(node.get("multipleOf"))) is not None:
        scale = max(-t.cast("int", step.normalize().as_tuple().exponent), 0)
    return Meaning(
        kinds=frozenset(kinds),
        formats=frozenset({node.get("format")}),
        least=_bound(max, node.get("minimum"), node.get("exclusiveMinimum")),
        most=_bound(min, node.get("maximum"), node.get("exclusiveMaximum")),
        scale=scale if isinstance(scale, int) and scale >= 0 else None,
        precision=precision if isinstance(precision, int) else None,
        description=node.get("description"),
    )


def _kinds_of(value: t.Any) -> set[str]:
    if value is None:
        return {"null"}
    if isinstance(value, float):
        return {"integer"} if value.is_integer() else {"number", "integer"}
    kinds = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return {kinds[type(value)]}


def _number(value: t.Any) -> Decimal | None:
    if value is None or isinstance(value, bool):  # draft 4 has exclusiveMaximum: true
        return None
    if not isinstance(value, (int, float)):
        raise TypeError
    return Decimal(repr(value))


def _bound(choose: t.Callable[..., Decimal], *values: t.Any) -> Decimal | None:
    numbers = [number for number in map(_number, values) if number is not None]
    return choose(numbers) if numbers else None


def _target(reference: str, root: Schema) -> t.Any:
    """Follow a JSON pointer; one that leads nowhere allows everything."""
    found: t.Any = root if reference.startswith("#") else None
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _any(options: Sequence[Meaning]) -> Meaning:
    """Return what at least one of them allows."""
    numbers = [option for option in options if option.kinds & _NUMBERS]
    texts = [option for option in options if "string" in option.kinds]

    def all_of(values: Iterable[t.Any], choose: t.Callable[..., t.Any]) -> t.Any:
        found = list(values)
        return None if not found or None in found else choose(found)

    return Meaning(
        kinds=frozenset().union(*(option.kinds for option in options)),
        formats=frozenset().union(*(option.formats for option in texts)) or frozenset({None}),
        least=all_of((option.least for option in numbers), min),
        most=all_of((option.most for option in numbers), max),
        scale=all_of((option.scale for option in numbers), max),
        precision=all_of((option.precision for option in options), max),
        properties={n: p for option in options for n, p in option.properties.items()},
    )


def _both(one: Meaning, other: Meaning) -> Meaning:
    """Return what both of them allow."""

    def tightest(choose: t.Callable[..., t.Any], *values: t.Any) -> t.Any:
        known = [value for value in values if value is not None]
        return choose(known) if known else None

    formats = [m.formats for m in (one, other) if m.formats != {None}]
    return Meaning(
        kinds=one.kinds & other.kinds or one.kinds,
        formats=reduce(frozenset.union, formats) if formats else one.formats,
        least=tightest(max, one.least, other.least),
        most=tightest(min, one.most, other.most),
        scale=tightest(min, one.scale, other.scale),
        precision=tightest(min, one.precision, other.precision),
        properties=one.properties | other.properties,
    )
