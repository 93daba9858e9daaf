"""The gauges of what the filters remember: on two workers, and when listeners are changed and removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, QuotaAnswer, Reference, send, wait_until
from mizzen.testing.mixer import ReceivedCheck
from mizzen.testing.tcp import connect, receive

from .listeners_in_file import FAMILIES, ListenersInFile

SIZES = ("check_cache_entries", "quota_pools", "quota_tokens", "remote_calls_active", "check_joins_active")


class Listeners(ListenersInFile):
    """With what these tests ask and count."""

    def sizes(self, family: str) -> dict[str, int]:
        prefix = f"mizzen.{family}_mixer_filter."
        found = self.envoy.stats(prefix)
        return {name: found[prefix + name] for name in SIZES}

    def wait_for_sizes(self, family: str, expected: Mapping[str, int]) -> None:
        wait_until(lambda: self.sizes(family) == expected, f"sizes of {family}: {expected}")

    def count(self, family: str, counter: str) -> int:
        name = f"mizzen.{family}_mixer_filter.{counter}"
        return self.envoy.stats(name)[name]

    def ask(self, family: str) -> None:
        """One request, or one connection with data, on a connection of its own: the kernel picks the worker."""
        address = self.address(family)
        if family == "http":
            assert send(address, "/asked").status == 200
        else:
            with connect(address) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert receive(connection, 4) == b"HTTP"

    def ask_all_workers(self, family: str) -> None:
        def both_have_a_pool() -> bool:
            self.ask(family)
            return self.sizes(family)["quota_pools"] == 2

        wait_until(both_have_a_pool, "a pool on each worker")


def answer(check: ReceivedCheck) -> CheckAnswer:
    place = [Reference("context.protocol")]
    quotas = {name: QuotaAnswer(amount, 600, place) for name, (amount, _) in check.quotas.items()}
    return CheckAnswer(uses=-1, references=place, quotas=quotas)


@pytest.fixture
def listeners(backend: EchoBackend, fresh_mixer: FakeMixer, tmp_path: Path) -> Iterator[Listeners]:
    fresh_mixer.on_check = answer
    listeners = Listeners(backend.address, fresh_mixer.address, tmp_path)
    with listeners.envoy:
        yield listeners


def fetched(mixer: FakeMixer, protocol: str) -> int:
    """Tokens granted to pools, which ask best effort."""
    checks = [check for check in mixer.checks if check.attributes["context.protocol"] == protocol]
    return sum(amount for check in checks for amount, best_effort in check.quotas.values() if best_effort)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_what_was_fetched_and_not_yet_used_on_all_workers_together(
    family: str, listeners: Listeners, fresh_mixer: FakeMixer
) -> None:
    listeners.ask_all_workers(family)
    for _ in range(40):
        listeners.ask(family)

    def agree() -> bool:
        # a worker takes in what was granted to it at its next request
        listeners.ask(family)
        used = listeners.count(family, "total_quota_cache_hit_accepts")
        return listeners.sizes(family)["quota_tokens"] == fetched(fresh_mixer, family) - used

    wait_until(agree, "tokens that agree with what was fetched and used")
    sizes = listeners.sizes(family)
    assert sizes["quota_pools"] == sizes["check_cache_entries"] == 2
    assert sizes["quota_tokens"] > 0


def test_both_filters_sizes_go_back_when_their_listeners_are_removed(listeners: Listeners) -> None:
    """No request comes afterwards that could have a worker clean up."""
    for family in FAMILIES:
        listeners.ask_all_workers(family)
    listeners.update({}, removed=True)
    for family in FAMILIES:
        listeners.wait_for_sizes(family, dict.fromkeys(SIZES, 0))
    listeners.update({})
    for family in FAMILIES:
        listeners.ask_all_workers(family)
        assert listeners.sizes(family)["check_cache_entries"] == 2


def test_an_update_keeps_what_is_remembered_unless_the_transport_changes(listeners: Listeners) -> None:
    for family in FAMILIES:
        listeners.ask_all_workers(family)
    for number in range(3):
        # other pools, caches and calls: those of the old settings end with their listener
        listeners.update({"check_cache_entries": 100 + number})
        listeners.wait_for_the_end_of_the_old()
        for family in FAMILIES:
            listeners.wait_for_sizes(family, dict.fromkeys(SIZES, 0))
            listeners.ask_all_workers(family)
            assert listeners.sizes(family)["check_cache_entries"] == 2
