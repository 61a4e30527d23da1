"""Importing the SDK without what only loaders and batches need.

singer_sdk 0.54 imports joblib (for targets) and upath with fsspec (for batch files) at
its top: about 0.2 s of 0.7 s until the tap can do anything, for code that a tap
without the capability BATCH never reaches.
"""

from __future__ import annotations

import sys
from types import ModuleType

_UNUSED = ("joblib", "upath")


class _Unused(ModuleType):
    """Stands in for a module while others import from it."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return object


def import_sdk() -> None:
    """Import singer_sdk; modules that were imported before are left alone."""
    absent = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update({name: _Unused(name) for name in absent})
    try:
        __import__("singer_sdk")
    finally:
        for name in absent:
            del sys.modules[name]


import_sdk()
