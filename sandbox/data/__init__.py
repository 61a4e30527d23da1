"""Made-up OnceHub objects, each a function of (seed, sizes, now, index)."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
