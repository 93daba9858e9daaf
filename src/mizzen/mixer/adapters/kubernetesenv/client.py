"""The API server by the Kubernetes client: the one place that imports it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config import ConfigException

from mizzen.mixer.adapters.kubernetesenv.reflector import ApiError

_TIMEOUT_S = 30.0
_GRACE_S = 30.0
_LARGEST_EVENT = 16 * 2**20
_SHOWN = 200

_LOCAL_MEANS = ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key")


class ClusterConfigError(Exception):
    """There is no usable configuration of a cluster."""


class KubernetesApi:
    """See `Api`. Belongs to the loop it was opened on."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    @classmethod
    async def open(cls, kubeconfig_path: str) -> KubernetesApi:
        """A client for the current context of the file, or for the cluster that this process runs in."""
        settings = _configuration()
        try:
            if kubeconfig_path:
                await config.load_kube_config(kubeconfig_path, client_configuration=settings, persist_config=False)
            else:
                config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        except ConfigException as error:
            place = kubeconfig_path or "the cluster this process runs in"
            raise ClusterConfigError(f"cannot use {place}: {error}") from None
        except Exception as error:  # the loader lets through whatever a broken file causes
            raise ClusterConfigError(f"cannot use {kubeconfig_path}: {_kind_of(error)}") from None
        return cls(_client(settings))

    @classmethod
    async def open_document(cls, document: Any) -> KubernetesApi:
        """A client for a kubeconfig that came from a secret: it may not run programs or read local files."""
        _refuse_local_means(document)
        settings = _configuration()
        try:
            await config.load_kube_config_from_dict(document, client_configuration=settings)
        except Exception as error:
            raise ClusterConfigError(f"the kubeconfig cannot be used: {type(error).__name__}") from None
        return cls(_client(settings))

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        try:
            async with await self._request(path, query, aiohttp.ClientTimeout(total=_TIMEOUT_S)) as response:
                await _check(response)
                return json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(0, f"{type(error).__name__}: {error}"[:_SHOWN]) from None

    async def watch(self, path: str, query: Mapping[str, str], seconds: float) -> AsyncIterator[Any]:
        timeout = aiohttp.ClientTimeout(sock_connect=_TIMEOUT_S, sock_read=seconds + _GRACE_S)
        try:
            async with await self._request(path, query, timeout) as response:
                await _check(response)
                async for line in _lines(response):
                    yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(0, f"{type(error).__name__}: {error}"[:_SHOWN]) from None

    async def close(self) -> None:
        await self._client.close()

    async def _request(
        self, path: str, query: Mapping[str, str], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self._client.call_api(
            path,
            "GET",
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=timeout,
        )
        return response


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length up to a bound: an event holds a whole object."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LARGEST_EVENT:
            raise ValueError("an event is too large")
        for line in lines:
            if line.strip():
                yield line


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status == 200:
        return
    text = (await response.content.read(65536)).decode(errors="replace")
    try:
        text = str(json.loads(text).get("message", text))
    except (ValueError, AttributeError):
        text = text.strip()
    raise ApiError(response.status, text[:_SHOWN])


def _kind_of(error: Exception) -> str:
    """What is wrong with a file, without a line of it: there are tokens in it."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    return f"{type(error).__name__} in line {mark.line + 1}" if mark else type(error).__name__


def _configuration() -> Configuration:
    """A new one: the class hands out copies of a default that other code of the process may have set."""
    settings: Configuration = type.__call__(Configuration)
    return settings


def _client(settings: Configuration) -> ApiClient:
    return ApiClient(configuration=settings)


def _refuse_local_means(document: Any) -> None:
    for entry in (document.get("users") if isinstance(document, dict) else None) or []:
        user = entry.get("user") if isinstance(entry, dict) else None
        for name in _LOCAL_MEANS:
            if isinstance(user, dict) and name in user:
                raise ClusterConfigError(f"the kubeconfig uses {name}, which is not allowed in a secret")
