"""The API server by the Kubernetes client: the one place that imports it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import aiohttp
from kubernetes_asyncio import config
from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config import ConfigException

from mizzen.kubernetes.api import ApiError, ClusterConfigError

_TIMEOUT_S = 30.0
_GRACE_S = 30.0
_LARGEST_EVENT = 16 * 2**20
_SHOWN = 200
_UNAUTHORIZED = 401
_LOCAL_MEANS = ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key")
_FAREWELL_S = 0.25  # for connections whose request was cancelled: over TLS they close with the server's consent


class KubernetesApi:
    """See `Api`. Belongs to the loop it was opened on.

    Credentials that the server refuses (401) are read anew before the request is made once more: tokens and
    certificates expire, and files and plugins give new ones. Watches that are under way then break.
    """

    def __init__(self, load: Callable[[], Awaitable[Configuration]], settings: Configuration) -> None:
        self._load = load
        self._client = ApiClient(configuration=settings)
        self._renewing = asyncio.Lock()
        self._cut = False

    @classmethod
    async def open(cls, kubeconfig_path: str) -> KubernetesApi:
        """A client for the current context of the file, or for the cluster that this process runs in."""
        load = partial(_load_file, kubeconfig_path) if kubeconfig_path else _load_in_cluster
        return cls(load, await load())

    @classmethod
    async def open_document(cls, document: Any) -> KubernetesApi:
        """A client for a kubeconfig that came from a secret: it may not run programs or read local files."""
        load = partial(_load_document, document)
        return cls(load, await load())

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        try:
            async with _held(await self._answer(path, query, aiohttp.ClientTimeout(total=_TIMEOUT_S))) as response:
                await _check(response)
                return json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(0, f"{type(error).__name__}: {error}"[:_SHOWN]) from None

    async def watch(self, path: str, query: Mapping[str, str], seconds: float) -> AsyncIterator[Any]:
        timeout = aiohttp.ClientTimeout(sock_connect=_TIMEOUT_S, sock_read=seconds + _GRACE_S)
        try:
            async with _held(await self._answer(path, query, timeout)) as response:
                await _check(response)
                async for line in _lines(response):
                    yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiError(0, f"{type(error).__name__}: {error}"[:_SHOWN]) from None

    async def close(self) -> None:
        await self._client.close()
        if self._cut:
            await asyncio.sleep(_FAREWELL_S)

    async def _answer(
        self, path: str, query: Mapping[str, str], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        client = self._client
        try:
            response = await _request(client, path, query, timeout)
            if response.status != _UNAUTHORIZED:
                return response
            response.close()
            await self._renew(client)
            return await _request(self._client, path, query, timeout)
        except asyncio.CancelledError:
            self._cut = True
            raise

    async def _renew(self, refused: ApiClient) -> None:
        async with self._renewing:
            if self._client is not refused:
                return  # another request did it
            try:
                settings = await self._load()
            except ClusterConfigError as error:
                raise ApiError(_UNAUTHORIZED, str(error)) from None
            self._client = ApiClient(configuration=settings)
        await refused.close()


async def _request(
    client: ApiClient, path: str, query: Mapping[str, str], timeout: aiohttp.ClientTimeout
) -> aiohttp.ClientResponse:
    response: aiohttp.ClientResponse = await client.call_api(
        path,
        "GET",
        query_params=list(query.items()),
        header_params={"Accept": "application/json"},
        auth_settings=["BearerToken"],
        _preload_content=False,
        _request_timeout=timeout,
    )
    return response


@contextlib.asynccontextmanager
async def _held(response: aiohttp.ClientResponse) -> AsyncIterator[aiohttp.ClientResponse]:
    """The response until the end of the block. A connection that is still busy then is cut and not closed: over TLS,
    closing waits for the server, which may be longer than the loop lives."""
    try:
        yield response
    finally:
        protocol = response.connection.protocol if response.connection else None
        closed = None if protocol is None else protocol.closed
        if protocol is not None:  # one without data counts as false
            protocol.abort()
        response.close()
        if closed:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await closed


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


async def _load_in_cluster() -> Configuration:
    settings = _configuration()
    try:
        config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        raise ClusterConfigError(f"cannot use the cluster this process runs in: {error}") from None
    return settings


async def _load_file(path: str) -> Configuration:
    settings = _configuration()
    try:
        await config.load_kube_config(path, client_configuration=settings, persist_config=False)
    except ConfigException as error:
        raise ClusterConfigError(f"cannot use {path}: {error}") from None
    except Exception as error:  # the loader lets through whatever a broken file causes
        raise ClusterConfigError(f"cannot use {path}: {_kind_of(error)}") from None
    token = settings.api_key.get("BearerToken")
    if token:
        settings.api_key["BearerToken"] = token.strip()  # a file of a token may end with a line break
    return settings


async def _load_document(document: Any) -> Configuration:
    _refuse_local_means(document)
    settings = _configuration()
    try:
        await config.load_kube_config_from_dict(document, client_configuration=settings)
    except Exception as error:
        raise ClusterConfigError(f"the kubeconfig cannot be used: {type(error).__name__}") from None
    return settings


def _kind_of(error: Exception) -> str:
    """What is wrong with a file, without a line of it: there are tokens in it."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    return f"{type(error).__name__} in line {mark.line + 1}" if mark else type(error).__name__


def _configuration() -> Configuration:
    """A new one: the class hands out copies of a default that other code of the process may have set."""
    settings: Configuration = type.__call__(Configuration)
    settings.connection_pool_maxsize = 0  # each watch holds a connection, and there may be any number of them
    settings.disable_strict_ssl_verification = (
        True  # authorities without key identifiers are common, kubectl takes them
    )
    return settings


def _refuse_local_means(document: Any) -> None:
    for entry in (document.get("users") if isinstance(document, dict) else None) or []:
        user = entry.get("user") if isinstance(entry, dict) else None
        for name in _LOCAL_MEANS:
            if isinstance(user, dict) and name in user:
                raise ClusterConfigError(f"the kubeconfig uses {name}, which is not allowed in a secret")
