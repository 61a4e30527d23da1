"""What a JSON schema allows, read as JSON Schema means it."""

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
    """The values that a schema allows: their types, and what is the same for all of them."""

    kinds: frozenset[str]  # `number` comes with `integer`
    formats: frozenset[str | None]  # of texts
    least: Decimal | None
    most: Decimal | None
    scale: int | None  # digits after the point
    precision: int | None  # digits in all, where the schema names them
    properties: "dict[str, Meaning]"
    description: t.Any

    @property
    def types(self) -> frozenset[str]:
        """The types of the values that are not null."""
        return self.kinds - {"null"}

    def is_flattened(self, levels: int) -> bool:
        """Whether the fields of an object become columns."""
        return levels > 0 and bool(self.properties)


def read(node: t.Any, root: Schema | None = None, seen: tuple[str, ...] = ()) -> Meaning:
    """Return what a node allows; `$ref` points into the root, and says nothing when `seen`."""
    options = _options(node, node if root is None else root, seen)
    numbers = [option for option in options if option["kinds"] & _NUMBERS]
    texts = [option for option in options if "string" in option["kinds"]]

    def bound(choose: t.Callable[..., t.Any], name: str, of: list[Schema]) -> t.Any:
        found = [option.get(name) for option in of]
        return choose(found) if found and None not in found else None

    # What several options name is what any of them names.
    inner = {name: found for o in options for name, found in o.get("properties", {}).items()}
    return Meaning(
        kinds=frozenset().union(*(option["kinds"] for option in options)),
        formats=frozenset(option.get("format") for option in texts),
        least=bound(min, "least", numbers),
        most=bound(max, "most", numbers),
        scale=bound(max, "scale", numbers or texts),
        precision=bound(max, "precision", numbers or texts),
        properties={name: read(*found) for name, found in inner.items()},
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
    kinds = _kinds({given} if isinstance(given, str) else given or ()) & _ANY or _ANY
    if values := node.get("enum", [node["const"]] if "const" in node else None):
        kinds = _kinds(_NAMES[type(value)] for value in values) & kinds or kinds
    scale, precision = node.get("scale"), node.get("precision")
    if (step := _number(node.get("multipleOf"))) is not None:
        scale = max(-t.cast("int", step.normalize().as_tuple().exponent), 0)
    found = {
        "kinds": kinds,
        "format": node.get("format"),
        "least": _number(node.get("minimum", node.get("exclusiveMinimum"))),
        "most": _number(node.get("maximum", node.get("exclusiveMaximum"))),
        "scale": scale if isinstance(scale, int) and scale >= 0 else None,
        "precision": precision if isinstance(precision, int) else None,
        "description": node.get("description"),
        "properties": {n: (p, root, seen) for n, p in (node.get("properties") or {}).items()},
    }
    return {name: value for name, value in found.items() if value is not None}


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
