"""A local server that behaves like the OnceHub REST API v2, over made-up accounts.

It is written from the published facts about the API and shares no code with the tap.
"""

from sandbox.account import Account
from sandbox.limits import Limits
from sandbox.server import Sandbox

__all__ = ["Account", "Limits", "Sandbox"]
