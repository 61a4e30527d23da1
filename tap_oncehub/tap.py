"""The tap: its settings, its streams, and the begin and end of a run."""

import hashlib
import logging
import re
import typing as t
from functools import cached_property, partial
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click
import platformdirs
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from typing_extensions import override

from tap_oncehub.catalog import checked
from tap_oncehub.cli import CommandLineTap
from tap_oncehub.client import OnceHubStream, error_for_response
from tap_oncehub.engine import errors
from tap_oncehub.engine.http import HttpClient
from tap_oncehub.engine.limiter import RequestLimiter
from tap_oncehub.engine.progress import Progress, keep_plain, plain_text
from tap_oncehub.engine.run import SyncRun
from tap_oncehub.engine.signals import WholeLineWriter, write_out
from tap_oncehub.engine.state import check_state
from tap_oncehub.settings import SETTINGS, is_loopback
from tap_oncehub.streams import STREAMS
from tap_oncehub.streams.account import TestAuthStream

_ACCOUNT = re.compile(r"\baccount\b[:\s]*(\S.*)", re.IGNORECASE)
_ACCESS_SECONDS = 60.0  # how long to ask whose key it is; the sync can do without
_OTHER_ACCOUNT = (
    "The state belongs to another OnceHub account than the API key. Give each account a state of "
    "its own (--state-id-suffix), or clear this one (meltano state clear). If the account was only "
    "renamed, remove test_auth from the state."
)


class TapOnceHub(CommandLineTap):
    """A Singer tap that reads a whole OnceHub account."""

    name = "tap-oncehub"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = SETTINGS
    message_writer_class = WholeLineWriter
    capabilities: t.ClassVar[list[CapabilitiesEnum]] = [
        capability for capability in Tap.capabilities if capability is not PluginCapabilities.BATCH
    ]

    @cached_property
    def run(self) -> SyncRun:
        """What the streams share."""
        config, key = self.config, self.config["api_key"]
        keep_plain(key)
        is_local, file = is_loopback(config["api_url"]), config.get("rate_limit_file")
        # Requests to a loopback address are none to OnceHub, and must not use up its window.
        if file is None and not is_local:
            file = platformdirs.user_state_path("tap-oncehub") / "requests.sqlite"
        limiter = RequestLimiter(
            config["rate_limit_per_second"],
            config["rate_limit_per_window"],
            config["rate_limit_window_seconds"],
            file=Path(file) if file else None,
            key=key,
            logger=self.logger,
        )
        check_path = urlsplit(config["api_url"]).path.rstrip("/") + TestAuthStream.path
        client = HttpClient(
            limiter,
            self.logger,
            service="OnceHub",
            explain=partial(error_for_response, check_path=check_path),
            timeout_seconds=config["request_timeout_seconds"],
            max_wait_seconds=config["max_wait_seconds"],
            secret=key,
            direct=is_local,
            progress=Progress(self.logger, lambda: limiter.left),
            waiter=self.waiter,
            address="api_url",
        )
        return SyncRun(self, client)

    @override
    def discover_streams(self) -> list[OnceHubStream]:
        return [stream(self, self.run) for stream in STREAMS]

    @cached_property
    @override
    def streams(self) -> dict[str, OnceHubStream]:  # type: ignore[override]
        """The streams, in the order in which they are read: short lists first."""
        found = t.cast("list[OnceHubStream]", [*super().streams.values()])
        found.sort(key=lambda stream: (stream.rank, bool(stream.source or stream.filters)))
        return {stream.name: stream for stream in found}

    @override
    def run_discovery(self) -> str:
        text = self.catalog_json_text
        self.waiter.check()
        write_out(f"{text}\n".encode())
        return text

    @override
    def load_state(self, state: dict[str, t.Any]) -> None:
        check_state(state, [s.name for s in self.streams.values() if s.key])
        ours = {n: b for n, b in state.get("bookmarks", {}).items() if n in self.streams}
        super().load_state({"bookmarks": ours})
        for stream in self.streams.values():
            if stream.selected or stream.name in ours:
                stream.prepare_state()

    def sync(self) -> None:
        """Sync all selected streams, then log what it cost."""
        try:
            self._check_account()
            self.sync_all()
        except errors.InterruptedSyncError:
            self.run.save_state()
            raise
        needed = [stream.min_requests for stream in self.streams.values() if stream.selected]
        # The request that asks whose key it is comes on top.
        known = None if None in needed else 1 + sum(count or 0 for count in needed)
        self.run.progress.summarize(known)
        self.run.raise_failures(len(needed))

    @classmethod
    @override
    def invoke(cls, **options: t.Any) -> None:
        super(Tap, cls).invoke(about=options["about"], about_format=options["about_format"])
        state, catalog = (
            checked(options[name], name) if options[name] else None for name in ("state", "catalog")
        )
        cls(config=options["config"].config, catalog=catalog, state=state).sync()

    @classmethod
    @override
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Check the key with one request; the SDK would sync every stream."""
        if value != "all":
            super().cb_test(ctx, param, value)
            return
        ctx.close()  # files of other options, which Meltano would warn of after an error
        cls.logger.setLevel(logging.WARNING)  # the answer is one line
        # What OnceHub says of the key names the account by an address of e-mail.
        cls(config=ctx.params["config"].config).check_connection()
        click.echo("The API key is valid.")
        ctx.exit()

    def check_connection(self) -> str:
        """Return what OnceHub says of the key, asked with one request."""
        with self.run.client.patience(_ACCESS_SECONDS):
            body = TestAuthStream(self, self.run).fetch({}).body
        return plain_text(str(body["message"]), self.config["api_key"])

    def _check_account(self) -> None:
        """Ask whose key it is; that nobody says so stops nothing, but no deletes are told."""
        named, why = None, "OnceHub does not name it"
        try:
            named = _ACCOUNT.search(self.check_connection())
        except errors.EndpointError as error:
            why = str(error)
        if named is None:
            self.logger.warning("The account of the API key is not known: %s", why)
            return
        account = hashlib.blake2b(named[1].strip().encode(), digest_size=8).hexdigest()
        own_state = self.run.states.setdefault(TestAuthStream.name, {})
        if own_state.setdefault("account", account) != account:
            raise errors.SettingsError(_OTHER_ACCOUNT)
        self.run.may_tell_deletes = True

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        # The SDK would exit at once, perhaps in the middle of a line.
        self.waiter.handle(signum, frame)
