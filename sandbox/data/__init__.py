"""Made-up OnceHub objects, each a function of (seed, sizes, now, index)."""

from typing import Any

Object = dict[str, Any]
