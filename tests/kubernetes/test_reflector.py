"""The reflector with a scripted API: no sockets, no clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest

from mizzen.kubernetes.api import ApiError
from mizzen.kubernetes.reflector import Reflector


class Script:
    """Answers in order; an exception is raised. When the answers are used up, the reflector is cancelled."""

    def __init__(self, lists: list[Any], watches: list[Any]) -> None:
        self.lists = lists
        self.watches = watches
        self.queries: list[dict[str, str]] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        self.queries.append(dict(query))
        if not self.lists:
            raise asyncio.CancelledError
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(self, path: str, query: Mapping[str, str], seconds: float) -> AsyncIterator[Any]:
        self.queries.append(dict(query))
        if not self.watches:
            raise asyncio.CancelledError
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


class Stage:
    """A table by name, the pauses and the failures."""

    def __init__(self, lists: list[Any], watches: list[Any], watch_seconds: float = 300) -> None:
        self.api = Script(lists, watches)
        self.watch_seconds = watch_seconds
        self.seconds = 0.0
        self.table: dict[str, int] = {}
        self.pauses: list[float] = []
        self.failures: list[str] = []
        self.syncs = 0

    def replace(self, items: Iterable[Any]) -> None:
        self.table = {item["name"]: item["n"] for item in items}

    def put(self, item: Any) -> None:
        if "name" not in item:
            raise ValueError("an object has no name")
        self.table[item["name"]] = item["n"]

    def remove(self, item: Any) -> None:
        del self.table[item["name"]]

    def synced(self) -> None:
        self.syncs += 1

    def failed(self, error: ApiError) -> None:
        self.failures.append(str(error))

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def monotonic(self) -> float:
        """Is asked when a watch begins and when it ends."""
        self.seconds += self.watch_seconds
        return self.seconds

    async def run(self) -> None:
        query = {"labelSelector": "a=b"}
        reflector = Reflector(self.api, "/pods", self, self, 300, self.pause, query, self.monotonic)
        with pytest.raises(asyncio.CancelledError):
            await reflector.run()

    def versions(self) -> list[str]:
        """The version of each watch, and `list` for each list."""
        return [query.get("resourceVersion", "list") for query in self.api.queries]


def listed(version: str, *items: tuple[str, int], more: str = "") -> dict[str, Any]:
    metadata = {"resourceVersion": version, **({"continue": more} if more else {})}
    return {"metadata": metadata, "items": [{"name": name, "n": number} for name, number in items]}


def event(kind: str, name: str, number: int, version: str) -> dict[str, Any]:
    return {"type": kind, "object": {"name": name, "n": number, "metadata": {"resourceVersion": version}}}


async def test_a_list_and_then_events() -> None:
    events = [event("ADDED", "b", 2, "6"), event("MODIFIED", "a", 3, "7"), event("DELETED", "b", 2, "8")]
    stage = Stage([listed("5", ("a", 1))], [events])
    await stage.run()
    assert stage.table == {"a": 3}
    assert stage.versions() == ["list", "5", "8"]
    assert stage.api.queries[:2] == [
        {"labelSelector": "a=b", "limit": "500"},
        {
            "labelSelector": "a=b",
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": "5",
            "timeoutSeconds": "300",
        },
    ]
    assert (stage.syncs, stage.failures, stage.pauses) == (1, [], [])


async def test_a_list_may_have_pages() -> None:
    stage = Stage([listed("5", ("a", 1), more="x"), listed("5", ("b", 2))], [])
    await stage.run()
    assert stage.table == {"a": 1, "b": 2}
    assert stage.api.queries[1]["continue"] == "x"


async def test_pages_that_are_too_old_are_read_again_as_one() -> None:
    stage = Stage([listed("5", ("a", 1), more="x"), ApiError(410, "expired"), listed("6", ("b", 2))], [])
    await stage.run()
    assert stage.table == {"b": 2}
    assert "limit" not in stage.api.queries[2]
    assert "continue" not in stage.api.queries[2]


async def test_a_bookmark_moves_the_version_and_changes_nothing() -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "99"}}}
    stage = Stage([listed("5", ("a", 1))], [[bookmark]])
    await stage.run()
    assert stage.table == {"a": 1}
    assert stage.versions() == ["list", "5", "99"]


@pytest.mark.parametrize("gone", [ApiError(410, "Gone"), {"type": "ERROR", "object": {"code": 410, "message": "old"}}])
async def test_a_forgotten_version_means_a_new_list_at_once(gone: Any) -> None:
    stage = Stage([listed("5", ("a", 1)), listed("9", ("b", 2))], [[gone], []])
    await stage.run()
    assert stage.table == {"b": 2}
    assert stage.versions() == ["list", "5", "list", "9", "9"]
    assert stage.pauses == []


async def test_a_broken_connection_is_continued_from_the_last_version() -> None:
    stage = Stage([listed("5")], [[event("ADDED", "a", 1, "6"), ApiError(0, "reset")], [event("ADDED", "b", 2, "7")]])
    await stage.run()
    assert stage.table == {"a": 1, "b": 2}
    assert stage.versions() == ["list", "5", "6", "7"]
    assert (stage.failures, stage.pauses) == (["reset"], [0.5])


async def test_pauses_grow_until_an_event_arrives() -> None:
    failures = [ApiError(500, "no")] * 8
    watches: list[Any] = [[ApiError(500, "no")], [event("ADDED", "a", 1, "6"), ApiError(500, "no")]]
    stage = Stage([*failures, listed("5")], watches, watch_seconds=0.1)
    await stage.run()
    assert stage.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5]
    assert stage.failures[0] == "status 500: no"


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"type": "ADDED"},
        {"type": "ADDED", "object": {"metadata": {}}},
        {"type": "ADDED", "object": {"name": "x", "n": 1, "metadata": 7}},
        {"type": "ERROR", "object": {"message": "inside"}},
    ],
)
async def test_an_event_that_makes_no_sense_is_a_failure_and_work_goes_on(odd: Any) -> None:
    stage = Stage([listed("5"), listed("6")], [[odd], [event("ADDED", "a", 1, "7")], []])
    await stage.run()
    assert len(stage.failures) == 1
    assert stage.table["a"] == 1


@pytest.mark.parametrize("odd", [None, [], {}, {"metadata": {}}, {"metadata": {"resourceVersion": 5}}])
async def test_an_answer_that_is_no_list_is_a_failure(odd: Any) -> None:
    stage = Stage([odd, listed("5", ("a", 1))], [])
    await stage.run()
    assert stage.failures == ["the answer is no list"]
    assert stage.table == {"a": 1}


async def test_an_unknown_kind_of_event_is_passed_over() -> None:
    stage = Stage([listed("5", ("a", 1))], [[event("RENAMED", "a", 9, "6")]])
    await stage.run()
    assert stage.table == {"a": 1}
    assert stage.failures == []


async def test_a_watch_that_ends_at_once_is_asked_for_again_after_a_pause() -> None:
    stage = Stage([listed("5")], [[], [], [event("ADDED", "a", 1, "6")], []], watch_seconds=0.1)
    await stage.run()
    assert stage.versions() == ["list", "5", "5", "5", "6", "6"]
    assert stage.failures == ["the watch ended at once"] * 3
    assert stage.pauses == [0.5, 1, 0.5]


async def test_a_server_that_forgets_what_it_has_just_told_is_asked_again_after_a_pause() -> None:
    gone = ApiError(410, "Gone")
    stage = Stage([listed("5"), listed("6"), listed("7")], [[gone], [gone]], watch_seconds=0.1)
    await stage.run()
    assert stage.versions() == ["list", "5", "list", "6", "list", "7"]
    assert stage.failures == ["status 410: Gone"] * 2
    assert stage.pauses == [0.5, 1]
