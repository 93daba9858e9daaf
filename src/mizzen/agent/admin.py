"""Envoy's admin interface, as far as the agent and the tests use it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mizzen.agent.address import HostPort

TIMEOUT_SECONDS = 5.0


class AdminError(Exception):
    """Envoy's admin interface did not answer, or not with success."""


@dataclass(frozen=True)
class Admin:
    """A client of one Envoy's admin interface; every call opens and closes one connection."""

    address: HostPort

    def get(self, path: str) -> str:
        return self.request("GET", path)

    def post(self, path: str) -> str:
        return self.request("POST", path)

    def request(self, method: str, path: str) -> str:
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise AdminError(f"{method} {path} at {self.address}: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise AdminError(f"{method} {path} at {self.address}: {response.status} {text.strip()[:200]}")
        return text

    def is_live(self) -> bool:
        """Whether all workers accept connections."""
        try:
            return self.get("/ready").strip() == "LIVE"
        except AdminError:
            return False

    def listeners(self) -> dict[str, HostPort]:
        """The TCP listeners by name with the ports they really have, in Envoy's order."""
        found: dict[str, HostPort] = {}
        for status in json.loads(self.get("/listeners?format=json")).get("listener_statuses", []):
            address = status.get("local_address", {}).get("socket_address")
            if address:
                found[status["name"]] = HostPort(address["address"], address["port_value"])
        return found

    def stats(self, prefix: str = "") -> dict[str, int]:
        """Counters and gauges whose name starts with `prefix`."""
        document: dict[str, Any] = json.loads(self.get("/stats?format=json&type=All"))
        return {
            entry["name"]: entry["value"]
            for entry in document["stats"]
            if "value" in entry and isinstance(entry["value"], int) and entry["name"].startswith(prefix)
        }

    def in_flight(self) -> int:
        """Requests and TCP connections that clients have open now; those to the admin interface itself are left out.

        TCP connections are those of a listener whose `stat_prefix` is `tcp`.
        """
        pattern = r"downstream_rq_active$|^listener\.tcp\.downstream_cx_active$"
        document: dict[str, Any] = json.loads(self.get(f"/stats?format=json&filter={quote(pattern)}"))
        return sum(entry["value"] for entry in document["stats"] if not entry["name"].startswith("http.admin."))
