from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from mizzen.mixer.monitoring import Monitoring, Page, json_page, metrics_page, text_page


@pytest.fixture
def server() -> Iterator[Monitoring]:
    def fail(_: str) -> None:
        raise RuntimeError("broken")

    def change(query: Mapping[str, str]) -> Page:
        if query["to"] == "loud":
            raise ValueError("loud is no level")
        return text_page(query["to"])

    pages = {"/healthz": lambda _: text_page("ok"), "/json": lambda _: json_page({"a": "ä"}), "/fails": fail}
    folders = {"/things/": text_page, "/broken/": fail}
    server = Monitoring(pages, actions={"/level": change}, folders=folders)  # type: ignore[arg-type]
    server.start()
    yield server
    server.stop()


def ask(server: Monitoring, path: str, method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers["Content-Type"], response.read().decode()
    finally:
        connection.close()


def test_a_folder_is_asked_for_the_rest_of_the_path(server: Monitoring) -> None:
    assert ask(server, "/things/a-1?x=/y")[::2] == (200, "a-1\n")
    assert ask(server, "/things/a%2Fb%20c")[2] == "a/b c\n"
    assert ask(server, "/broken/x")[0] == 500
    for path in ("/things/", "/things", "/things/a/b"):
        status, _, text = ask(server, path)
        assert (status, "/things/NAME" in text) == (404, True)


def test_pages_are_served_by_path(server: Monitoring) -> None:
    assert ask(server, "/healthz") == (200, "text/plain; charset=utf-8", "ok\n")
    assert ask(server, "/json?x=1") == (200, "application/json", '{\n  "a": "ä"\n}\n')
    assert ask(server, "/healthz", "HEAD")[2] == ""


def test_an_unknown_path_lists_the_known_ones(server: Monitoring) -> None:
    status, _, text = ask(server, "/nope")
    assert status == 404
    assert "/healthz" in text


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_only_actions_change_something(server: Monitoring, method: str) -> None:
    assert ask(server, "/healthz", method)[0] == 405
    assert ask(server, "/level?to=debug", method)[::2] == (200, "debug\n")
    assert ask(server, "/level?to=loud", method)[::2] == (400, "loud is no level\n")
    assert ask(server, "/level?to=debug")[0] == 404


def test_a_page_that_fails_does_not_end_the_server(server: Monitoring) -> None:
    assert ask(server, "/fails")[0] == 500
    assert ask(server, "/healthz")[0] == 200


def test_a_port_in_use_is_an_error(server: Monitoring) -> None:
    with pytest.raises(OSError, match=r"cannot listen on .* in use"):
        Monitoring({}, port=server.port)


def registry(value: float, *names: str) -> CollectorRegistry:
    found = CollectorRegistry()
    counter = Counter("requests", "Requests.", ["who"], registry=found)
    for name in names:
        counter.labels(name).inc(value)
    return found


def test_families_of_several_registries_become_one() -> None:
    page = metrics_page([registry(1, "a", "b"), registry(2, "b", "c")], "")
    lines = [line for line in page.body.decode().splitlines() if "_created" not in line]
    assert lines == [
        "# HELP requests_total Requests.",
        "# TYPE requests_total counter",
        'requests_total{who="a"} 1.0',
        'requests_total{who="b"} 1.0',
        'requests_total{who="c"} 2.0',
    ]


def test_a_family_of_another_type_is_left_out() -> None:
    other = CollectorRegistry()
    Gauge("requests", "Other.", registry=other).set(5)
    assert b"5.0" not in metrics_page([registry(1, "a"), other], "").body


def test_the_format_follows_the_accept_header() -> None:
    assert metrics_page([registry(1, "a")], "").content_type.startswith("text/plain")
    openmetrics = metrics_page([registry(1, "a")], "application/openmetrics-text; version=1.0.0")
    assert openmetrics.content_type.startswith("application/openmetrics-text")
    assert openmetrics.body.endswith(b"# EOF\n")
