from __future__ import annotations

import socket
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.fluentd.connection import Connection
from mizzen.mixer.adapters.fluentd.events import Event
from mizzen.mixer.adapters.outbox import SendError

packable = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
answers = (
    st.binary(max_size=80)
    | st.builds(lambda key: b"\x81" + bytes(msgpack.packb(key)) + b"\xc0", packable)
    | st.builds(lambda value: bytes(msgpack.packb(value)), packable)
    | st.builds(
        lambda kind, rest: bytes(msgpack.packb([kind, *rest])),
        st.sampled_from(["HELO", "PONG"]),
        st.lists(packable, max_size=4),
    )
)


class Prepared(Connection):
    """A connection whose server has said all it will say, and takes whatever comes."""

    def __init__(self, answer: bytes, **options: Any) -> None:
        super().__init__(("127.0.0.1", 1), **options)
        self._answer = answer

    def _open(self) -> None:
        self._socket, self._server = socket.socketpair()
        self._server.sendall(self._answer)
        self._server.shutdown(socket.SHUT_WR)
        if self._shared_key:
            self._shake_hands()

    def fails(self) -> str:
        """Why a batch could not be sent; the connection is closed then."""
        with pytest.raises(SendError) as caught:
            self.send([Event("tag", b"\xc0")], 5.0)
        assert self._socket is None
        self._server.close()
        return str(caught.value)


@given(answers)
def test_no_answer_but_the_right_one_acknowledges(answer: bytes) -> None:
    assert "Broken pipe" not in Prepared(answer, require_ack=True).fails()


@given(answers, answers)
def test_no_handshake_succeeds_without_the_key(helo: bytes, pong: bytes) -> None:
    proper: bytes = msgpack.packb(["HELO", {"nonce": b"n", "auth": b""}])
    for first in (helo, proper):
        assert "Broken pipe" not in Prepared(first + pong, shared_key="secret").fails()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "the server closed the connection"),
        (b"\x81\xa3ack\xa1x", "the server did not acknowledge"),
        (b"\x81\x90\xc0", "unhashable type: 'list'"),
    ],
)
def test_the_reason_is_told(answer: bytes, reason: str) -> None:
    assert Prepared(answer, require_ack=True).fails() == reason
