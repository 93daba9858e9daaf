"""Looking at directories again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from mizzen.config.following import Pace, times_to_look

PACE = Pace(quiet_ms=10, longest_wait_ms=50, untold_ms=60_000)
PATIENCE_SECONDS = 20.0


async def test_the_first_look_is_at_once_and_the_next_after_a_relevant_change(tmp_path: Path) -> None:
    def is_relevant(_: object, path: str) -> bool:
        return path.endswith(".yaml")

    async with aclosing(times_to_look([tmp_path], is_relevant, PACE)) as times:
        await anext(times)
        again = asyncio.ensure_future(anext(times))
        (tmp_path / "a.txt").write_text("x")
        done, _ = await asyncio.wait([again], timeout=0.2)
        assert not done, "a change that does not matter"
        (tmp_path / "a.yaml").write_text("x")
        await asyncio.wait_for(again, PATIENCE_SECONDS)


async def test_it_is_time_to_look_when_nothing_was_told_for_long(tmp_path: Path) -> None:
    async with aclosing(times_to_look([tmp_path], lambda *_: True, Pace(10, 50, untold_ms=100))) as times:
        await anext(times)
        await asyncio.wait_for(anext(times), PATIENCE_SECONDS)


async def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    async with aclosing(times_to_look([tmp_path / "none"], lambda *_: True, PACE)) as times:
        await anext(times)
        with pytest.raises(FileNotFoundError):
            await anext(times)
