"""Lines packed into datagrams of a bounded size, kept until the background sends them."""

from __future__ import annotations

import socket
import threading
from collections import deque

_MOST_DATAGRAMS = 4096


class Datagrams:
    """A bounded queue of datagrams; a line is never split. What does not fit is left out, newest first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._full: deque[tuple[bytes, int]] = deque()
        self._lines: list[bytes] = []
        self._bytes = 0

    def add(self, line: bytes) -> tuple[bool, bool]:
        """Whether the line was taken, and whether a datagram is full and should be sent."""
        with self._lock:
            if self._lines and self._bytes + len(line) > self._size:
                if len(self._full) >= _MOST_DATAGRAMS:
                    return False, True
                self._cut()
            self._lines.append(line)
            self._bytes += len(line) + 1
            return True, bool(self._full)

    def take(self) -> list[tuple[bytes, int]]:
        """Every datagram with its number of lines; nothing is left."""
        with self._lock:
            if self._lines:
                self._cut()
            taken = list(self._full)
            self._full.clear()
        return taken

    def _cut(self) -> None:
        self._full.append((b"\n".join(self._lines), len(self._lines)))
        self._lines = []
        self._bytes = 0


class Sender:
    """A UDP socket that looks its server up when it is first used and after each failure. For one thread."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._socket: socket.socket | None = None

    def send(self, datagram: bytes) -> None:
        """Raises OSError; a port where nobody listens is told at a later call, if at all."""
        try:
            if self._socket is None:
                self._socket = self._open()
            self._socket.send(datagram)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(*self._place, type=socket.SOCK_DGRAM)[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            opened.connect(address)
        except OSError:
            opened.close()
            raise
        return opened
