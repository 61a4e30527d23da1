"""Each of the engine's rules is needed: without it, histories fail."""

import typing as t
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import pytest

from tap_oncehub.engine import plan, readers, state, stream, sync_pass
from tap_oncehub.engine.errors import EndpointError
from tests.engine.memory import ORDERS, World
from tests.engine.test_histories import play

Off: t.TypeAlias = Callable[[pytest.MonkeyPatch], "Callable[[World], None] | None"]


HISTORIES = 500
"""An order of lists."""
_LAST = datetime(9000, 1, 1, tzinfo=timezone.utc)


def committed_before_it_is_written(patch: pytest.MonkeyPatch) -> None:
    pages, commit = sync_pass.SyncPass.pages, sync_pass.SyncPass.commit

    def hasty(self: t.Any, read: t.Any) -> Iterator[t.Any]:
        for page in pages(self, read):
            commit(self, page)
            read.args[0].run.save_state()
            yield page

    patch.setattr(sync_pass.SyncPass, "pages", hasty)
    patch.setattr(sync_pass.SyncPass, "commit", lambda *_: None)


def no_check_of_continuity(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(readers, "_mark", lambda *_: (None, None))


def no_rewinding(patch: pytest.MonkeyPatch) -> None:
    def fail(_self: t.Any, moved: Exception) -> None:
        raise EndpointError(str(moved))

    patch.setattr(sync_pass.SyncPass, "_rewind", fail)


def a_lost_cursor_only_by_400_and_404(patch: pytest.MonkeyPatch) -> None:
    ask = readers._ask

    def strict(of: t.Any, request: t.Any, cursor: str | None) -> t.Any:
        if cursor is None:
            return ask(of, request, cursor)
        try:
            return of.fetch(request, cursor)
        except EndpointError as error:
            if getattr(error, "status", None) in {400, 404}:
                raise readers.ListMovedError(str(error)) from None
            raise

    patch.setattr(readers, "_ask", strict)


def no_wide_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan.Clocks, "days", [])


def no_dates_tried(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(readers, "_REFUSED_TIME", set())


def bookmark_not_capped_by_the_beginning(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sync_pass, "_beginning", lambda *_: _LAST)
    patch.setattr(sync_pass, "earliest", lambda texts: texts[0])


def unread_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(state.UnreadObjects, "add", lambda *_: None)


def first_state_without_all_keys(_patch: pytest.MonkeyPatch) -> Callable[[World], None]:
    def without_what_is_empty(states: t.Any) -> t.Any:
        return {
            name: {k: v for k, v in s.items() if v not in (None, [])} for name, s in states.items()
        }

    return lambda world: setattr(world, "encode", without_what_is_empty)


def no_first_state(patch: pytest.MonkeyPatch) -> Callable[[World], None]:
    """Leave out other streams' states until each begins, as if they came one by one."""

    def only_begun(states: t.Any) -> t.Any:
        return {name: s for name, s in states.items() if s.get("begun")}

    begin = stream.ResumableStream._read_passes

    def begun(self: t.Any) -> t.Any:
        self.stream_state["begun"] = True
        return begin(self)

    patch.setattr(stream.ResumableStream, "_read_passes", begun)
    return lambda world: setattr(world, "encode", only_begun)


RULES: dict[str, Off] = {
    f"{number}: {off.__name__.replace('_', ' ')}": off
    for number, off in (
        (1, committed_before_it_is_written),
        (2, no_check_of_continuity),
        (2, no_rewinding),
        (2, a_lost_cursor_only_by_400_and_404),
        (3, no_wide_read),
        (3, no_dates_tried),
        (4, bookmark_not_capped_by_the_beginning),
        (5, unread_forgotten),
        (6, first_state_without_all_keys),
        (6, no_first_state),
    )
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_histories_fail_without_a_rule(
    rule: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = count_failures(rule, monkeypatch, HISTORIES)
    with capsys.disabled():
        print(f"\n{rule}: {found} of {HISTORIES * len(ORDERS)} fail")  # noqa: T201
    assert found


def count_failures(rule: str, patch: pytest.MonkeyPatch, histories: int) -> int:
    change = RULES[rule](patch) or (lambda _world: None)
    failed = 0
    for order in ORDERS:
        for seed in range(histories):
            try:
                play(seed, order, change)
            except Exception:  # noqa: BLE001, PERF203  # whatever it is, it does not hold
                failed += 1
    return failed
