from __future__ import annotations

from pathlib import Path

import pytest

from mizzen.agent.address import AddressError
from mizzen.mixer.listen import Listen, UnixSocket, parse_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0", Listen("0.0.0.0")),  # noqa: S104
        ("::1", Listen("::1")),
        ("[::1]", Listen("::1")),
        ("tcp://10.0.0.1:9092", Listen("10.0.0.1", 9092)),
        ("tcp://[::1]:9092", Listen("::1", 9092)),
        ("10.0.0.1:9092", Listen("10.0.0.1", 9092)),
        ("[::1]:9092", Listen("::1", 9092)),
        ("unix:///run/mixer.sock", Listen(socket=UnixSocket(Path("/run/mixer.sock"), 0o660))),
        ("unix:/run/mixer.sock", Listen(socket=UnixSocket(Path("/run/mixer.sock"), 0o660))),
    ],
)
def test_an_address_is_an_ip_with_or_without_a_port_or_a_socket(text: str, expected: Listen) -> None:
    assert parse_listen(text, 0o660) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "tcp://localhost:1",
        "tcp://10.0.0.1",
        "10.0.0.1:0",
        "http://10.0.0.1:80",
        "unix://relative",
        "unix:relative",
        "unix:///",
        "unix:///run/a\n",
        "unix:///" + "x" * 107,
    ],
)
def test_another_text_is_an_error_that_says_what_is_accepted(text: str) -> None:
    with pytest.raises(AddressError, match="accepted: "):
        parse_listen(text)
