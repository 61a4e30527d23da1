"""One stream class an endpoint, grouped by the part of an account it shows."""

from importlib import import_module
from pkgutil import iter_modules

from tap_oncehub.client import OnceHubStream

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)

STREAMS: tuple[type[OnceHubStream], ...] = tuple(OnceHubStream.__subclasses__())
