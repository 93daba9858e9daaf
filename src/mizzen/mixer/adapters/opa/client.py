"""OPA's REST API (v1): putting policies and asking for a decision."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

_LARGEST_ANSWER = 2**20
_SHOWN = 300


class OpaError(Exception):
    """OPA could not be asked, or its answer is of no use."""


class PolicyError(OpaError):
    """OPA does not take a policy: it does not compile."""


class Client:
    """Safe to share between threads; keeps connections."""

    def __init__(self, url: str, timeout: float, token: str) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(timeout=timeout, headers=headers)

    def put_policy(self, name: str, module: str) -> None:
        """Creates or replaces a module. Raises `PolicyError` when OPA finds fault with it."""
        path = f"/v1/policies/{quote(name, safe='')}"
        response = self._send("PUT", path, content=module.encode(), headers={"Content-Type": "text/plain"})
        if response.status_code == httpx.codes.BAD_REQUEST:
            raise PolicyError(_reason(response))
        if response.status_code != httpx.codes.OK:
            raise OpaError(f"status {response.status_code} for a policy: {_reason(response)}")

    def decide(self, method: str, question: Mapping[str, Any]) -> object:
        """The value of the rule; None when it is undefined."""
        path = "/v1/" + "/".join(method.split("."))
        response = self._send("POST", path, json={"input": question})
        if response.status_code != httpx.codes.OK:
            raise OpaError(f"status {response.status_code}: {_reason(response)}")
        document = _json(response)
        if not isinstance(document, dict):
            raise OpaError("the answer is not a JSON object")
        return document.get("result")

    def close(self) -> None:
        self._client.close()

    def _send(self, verb: str, path: str, **content: Any) -> httpx.Response:
        try:
            response = self._client.request(verb, self._url + path, **content)
        except httpx.HTTPError as error:
            raise OpaError(f"{type(error).__name__}: {error}") from None
        if len(response.content) > _LARGEST_ANSWER:
            raise OpaError("the answer is too large")
        return response


def _json(response: httpx.Response) -> object:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        raise OpaError("the answer is not JSON") from None


def _reason(response: httpx.Response) -> str:
    """OPA's message and the places it names, in one line."""
    try:
        document = _json(response)
    except OpaError:
        return response.text[:_SHOWN]
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
