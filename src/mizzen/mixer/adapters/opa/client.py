"""OPA's REST API (v1): policies and decisions."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from mizzen.mixer.adapters.opa.decider import OpaError, UndefinedError, json_of

_LARGEST_DECISION = 2**20
_LARGEST_LIST = 2**26  # policies come with their syntax trees
_POLICY_SECONDS = 5.0  # OPA compiles all modules before it answers
_SHOWN = 500


class PolicyError(OpaError):
    """OPA does not take a policy, or does not let it go: the modules do not compile then."""

    def __init__(self, reason: str, module: str = "") -> None:
        super().__init__(reason)
        self.module = module


class Client:
    """Safe to share between threads; keeps connections. Ignores the proxy settings of the environment."""

    def __init__(self, url: str, timeout: float, token: str, tls: ssl.SSLContext | None, server_name: str) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(timeout=timeout, headers=headers, verify=tls or True, trust_env=False)
        self._patient = httpx.Timeout(timeout, read=max(timeout, _POLICY_SECONDS))
        self._extensions = {"sni_hostname": server_name} if server_name else {}

    def policies(self) -> dict[str, str]:
        """The text of every module on the server, by its identity."""
        document = _json(self._ask("GET", "/v1/policies", largest=_LARGEST_LIST, timeout=self._patient))
        listed = document.get("result") if isinstance(document, dict) else None
        try:
            return {entry["id"]: entry["raw"] for entry in listed or []}
        except (TypeError, KeyError):
            raise OpaError("the list of policies is not as documented") from None

    def put_policy(self, name: str, module: str) -> None:
        """Creates or replaces a module. Raises `PolicyError` when OPA finds fault with it."""
        content = module.encode()
        headers = {"Content-Type": "text/plain"}
        self._ask("PUT", _policy_path(name), content=content, headers=headers, timeout=self._patient)

    def delete_policy(self, name: str) -> None:
        """Raises `PolicyError` when other modules need it."""
        fine = (httpx.codes.OK, httpx.codes.NOT_FOUND)
        self._ask("DELETE", _policy_path(name), fine=fine, timeout=self._patient)

    def decide(self, path: Sequence[str], question: Mapping[str, Any]) -> object:
        """The value of the rule. Raises `UndefinedError` if it has none."""
        url = "/v1/data/" + "/".join(quote(name, safe="") for name in path)
        content = json_of({"input": question})
        document = _json(self._ask("POST", url, content=content, headers={"Content-Type": "application/json"}))
        if not isinstance(document, dict):
            raise OpaError("the answer is not a JSON object")
        if "result" not in document:
            raise UndefinedError("is undefined")
        return document["result"]

    def close(self) -> None:
        self._client.close()

    def _ask(
        self, verb: str, path: str, *, largest: int = _LARGEST_DECISION, fine: Sequence[int] = (200,), **content: Any
    ) -> bytes:
        try:
            with self._client.stream(verb, self._url + path, extensions=self._extensions, **content) as response:
                body = _read(response, largest)
        except httpx.HTTPError as error:
            raise OpaError(f"{type(error).__name__}: {error}") from None
        if response.status_code in fine:
            return body
        failure = PolicyError if response.status_code == httpx.codes.BAD_REQUEST and verb != "POST" else OpaError
        raise failure(f"status {response.status_code}: {_reason(body)}")


def _policy_path(name: str) -> str:
    return f"/v1/policies/{quote(name, safe='')}"


def _read(response: httpx.Response, largest: int) -> bytes:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > largest:
            raise OpaError("the answer is too large")
    return bytes(body)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise OpaError("the answer is not JSON") from None


def _reason(body: bytes) -> str:
    """OPA's message and the places it names, in one line."""
    try:
        document = _json(body)
    except OpaError:
        return repr(body[:_SHOWN].decode("utf-8", "replace"))
    if not isinstance(document, dict):
        return ""
    parts = [str(document.get("message", ""))]
    errors = document.get("errors")
    for fault in errors if isinstance(errors, list) else []:
        if isinstance(fault, dict):
            location = fault.get("location")
            row = location.get("row") if isinstance(location, dict) else None
            parts.append(f"line {row}: {fault.get('message', '')}" if row else str(fault.get("message", "")))
    return re.sub(r"\s+", " ", "; ".join(part for part in parts if part))[:_SHOWN]
