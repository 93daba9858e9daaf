from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus

import pytest
from prometheus_client import CollectorRegistry

from mizzen.loglevel import LOG_LEVEL
from mizzen.mixer.monitoring import Monitoring, Page, json_page, text_page
from mizzen.mixer.workers.pages import WorkerPages


class Worker:
    """The monitoring port of a worker."""

    def __init__(self, index: int) -> None:
        self.levels: list[str] = []

        def change(query: Mapping[str, str]) -> Page:
            if query["level"] == "loud":
                raise ValueError("no level")
            self.levels.append(query["level"])
            return text_page(query["level"])

        def decision(identity: str) -> Page:
            if identity == f"d/{index}":
                return json_page({"by": index})
            return text_page("unknown", HTTPStatus.NOT_FOUND)

        calls = f"# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total {index + 1}\n"
        self.openmetrics = Page(calls.encode())
        decisions = {"decisions": [f"d/{index}"], "kept": 1, "values": False}
        pages = {
            "/metrics": lambda accept: self.openmetrics if "openmetrics" in accept else Page(calls.encode()),
            "/config": lambda _: json_page({"generation": "g"}),
            "/decisions": lambda _: json_page(decisions),
        }
        self.monitoring = Monitoring(pages, actions={"/logging": change}, folders={"/decisions/": decision})
        self.monitoring.start()
        self.address = f"http://127.0.0.1:{self.monitoring.port}"


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    workers = [Worker(index) for index in range(2)]
    yield workers
    for worker in workers:
        worker.monitoring.stop()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def parent(workers: list[Worker], registry: CollectorRegistry) -> WorkerPages:
    parent = WorkerPages(2, registry)
    for index, worker in enumerate(workers):
        parent.ready(index, worker.address)
    return parent


def body(parent: WorkerPages, path: str) -> str:
    return parent.pages()[path]("").body.decode()


def test_metrics_are_those_of_all_workers_and_of_the_parent(parent: WorkerPages) -> None:
    text = body(parent, "/metrics")
    assert "calls_total 3.0" in text
    assert 'mizzen_mixer_worker_up{worker="1"} 1.0' in text


def test_exemplars_are_shown_to_those_who_read_them(parent: WorkerPages, workers: list[Worker]) -> None:
    text = '# TYPE calls counter\ncalls_total 1 # {trace_id="t"} 1 1\n# EOF\n'
    for worker in workers:
        worker.openmetrics = Page(text.encode(), "application/openmetrics-text; version=1.0.0")
    shown = parent.pages()["/metrics"]("application/openmetrics-text").body.decode()
    assert 'calls_total 2.0 # {trace_id="t"} 1.0' in shown
    assert "trace_id" not in body(parent, "/metrics")


def test_a_page_that_is_no_openmetrics_is_counted_and_read_as_text(
    parent: WorkerPages, workers: list[Worker], registry: CollectorRegistry
) -> None:
    workers[0].openmetrics = Page(b"calls_total{ 1\n", "application/openmetrics-text; version=1.0.0")
    assert "calls_total 3.0" in parent.pages()["/metrics"]("application/openmetrics-text").body.decode()
    assert registry.get_sample_value("mizzen_mixer_worker_page_failures_total", {"worker": "0"}) == 1


def test_sums_stay_when_a_worker_is_gone(parent: WorkerPages) -> None:
    assert "calls_total 3.0" in body(parent, "/metrics")
    parent.gone(1)
    assert "calls_total 3.0" in body(parent, "/metrics")


def test_a_page_that_is_the_same_everywhere_is_asked_of_one(parent: WorkerPages) -> None:
    assert json.loads(body(parent, "/config")) == {"generation": "g"}


def test_decisions_of_all_workers_are_found(parent: WorkerPages) -> None:
    assert json.loads(body(parent, "/decisions")) == {"decisions": ["d/0", "d/1"], "kept": 2, "values": False}
    assert json.loads(parent.decision("d/1").body) == {"by": 1}
    assert parent.decision("d/2").status is HTTPStatus.NOT_FOUND


@pytest.fixture
def own_level() -> Iterator[None]:
    """The level of this process is as it was afterwards."""
    before = LOG_LEVEL.name
    yield
    LOG_LEVEL.change(before)


@pytest.mark.usefixtures("own_level")
def test_the_log_level_is_that_of_all_workers_of_later_ones_and_of_the_parent(
    parent: WorkerPages, workers: list[Worker]
) -> None:
    assert parent.change_log_level({"level": "debug"}).status is HTTPStatus.OK
    assert [worker.levels for worker in workers] == [["debug"], ["debug"]]
    assert parent.change_log_level({"level": "loud"}).status is HTTPStatus.BAD_REQUEST
    assert parent.log_level == LOG_LEVEL.name == "debug"


def test_a_worker_that_does_not_answer_is_counted_and_the_others_are_asked(
    parent: WorkerPages, workers: list[Worker], registry: CollectorRegistry
) -> None:
    workers[0].monitoring.stop()
    assert json.loads(body(parent, "/config")) == {"generation": "g"}
    assert registry.get_sample_value("mizzen_mixer_worker_page_failures_total", {"worker": "0"}) == 1


def test_without_workers_nothing_is_ready(parent: WorkerPages) -> None:
    assert parent.pages()["/readyz"]("").status is HTTPStatus.OK
    for index in range(2):
        parent.gone(index)
    assert parent.pages()["/readyz"]("").status is HTTPStatus.SERVICE_UNAVAILABLE
    assert parent.pages()["/config"]("").status is HTTPStatus.SERVICE_UNAVAILABLE
    assert parent.change_log_level({"level": "debug"}).status is HTTPStatus.SERVICE_UNAVAILABLE
