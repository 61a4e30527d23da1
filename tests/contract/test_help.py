"""What the command says of itself is meant for people."""

from __future__ import annotations

import typing as t

import click
from click.testing import CliRunner
from singer_sdk import Tap

from tap_oncehub.tap import TapOnceHub


class Plain(Tap):
    """A tap that leaves everything to the SDK."""

    name = "tap-plain"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = {"properties": {}}


COMMAND = TapOnceHub.get_singer_command()


def explained(command: click.Command) -> dict[str, str | None]:
    return {x.opts[0]: x.help for x in command.params if isinstance(x, click.Option)}


def test_every_option_is_explained_in_our_own_words() -> None:
    ours, theirs = explained(COMMAND), explained(Plain.get_singer_command())
    assert ours.keys() == theirs.keys()
    assert not {name for name, text in ours.items() if not text or text == theirs[name]}


def test_the_help_says_how_to_pipe_it_and_how_it_ends() -> None:
    text = CliRunner().invoke(COMMAND, ["--help"]).output
    assert "tap-oncehub --config config.json --state state.json | target-" in text
    assert "Exit status: 0, 1 after an error, 128 + N" in " ".join(text.split())
