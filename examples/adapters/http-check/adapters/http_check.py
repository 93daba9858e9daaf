"""Asks an HTTP service, with a template of its own and a cache."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
from pydantic import Field

from mizzen.sdk import (
    Adapter,
    AdapterError,
    CheckResult,
    Code,
    DurationNs,
    Environment,
    Instance,
    Params,
    Status,
    Variety,
    template_of,
)


@dataclass(slots=True)
class Badge(Instance):
    """Who wants to do what where."""

    template: ClassVar[str] = "badge"
    user: str = ""
    method: str = ""
    path: str = ""


BADGE = template_of(Badge, Variety.CHECK)


class HttpCheckParams(Params):
    url: str = Field(pattern="^https?://")
    timeout: DurationNs = Field(default=1_000_000_000, gt=0)
    cache_for: DurationNs = Field(default=30_000_000_000, ge=0)
    cache_entries: int = Field(default=10_000, ge=1)


Question = tuple[str, str, str]


class HttpCheck(Adapter):
    """Posts `{"user": …, "method": …, "path": …}` and takes `{"allowed": true|false, "reason": "…"}`.

    Asynchronous: all of it runs on one event loop, so it needs no locks. Equal questions that come at the same time are
    asked once. Any other answer is a failure of the adapter: the rule's failurePolicy decides, and nothing is kept.
    """

    name = "http-check"
    templates = frozenset(["badge"])
    Params = HttpCheckParams

    def __init__(self, params: HttpCheckParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._params = params
        self._client = httpx.AsyncClient(timeout=params.timeout / 1e9)
        self._kept: OrderedDict[Question, tuple[float, CheckResult]] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[CheckResult]] = {}

    async def check(self, instance: Badge) -> CheckResult:
        question = (instance.user, instance.method, instance.path)
        now = self.environment.monotonic()
        until, result = self._kept.get(question, (0.0, None))
        if result is not None and now < until:
            self._kept.move_to_end(question)
            return result
        task = self._asking.get(question)
        if task is None:
            task = self._asking[question] = asyncio.create_task(self._ask(question))
            task.add_done_callback(lambda task: self._asked(question, task))
        return await asyncio.shield(task)  # a caller that gives up does not end it for the others

    async def close(self) -> None:
        await self._client.aclose()

    def _asked(self, question: Question, task: asyncio.Task[CheckResult]) -> None:
        self._asking.pop(question, None)
        if not task.cancelled():
            task.exception()  # seen, also when every caller has given up

    async def _ask(self, question: Question) -> CheckResult:
        user, method, path = question
        try:
            response = await self._client.post(self._params.url, json={"user": user, "method": method, "path": path})
            response.raise_for_status()
            result = self._read(response.json())
        except (httpx.HTTPError, ValueError) as error:
            raise AdapterError(f"the service cannot be asked: {type(error).__name__}") from error
        self._keep(question, result)
        return result

    def _read(self, answer: Any) -> CheckResult:
        if not isinstance(answer, dict) or not isinstance(answer.get("allowed"), bool):
            raise ValueError("not an answer")
        status = Status() if answer["allowed"] else Status(Code.PERMISSION_DENIED, str(answer.get("reason", "")))
        return CheckResult(status, valid_for=self._params.cache_for / 1e9, uses=10_000)

    def _keep(self, question: Question, result: CheckResult) -> None:
        self._kept[question] = (self.environment.monotonic() + self._params.cache_for / 1e9, result)
        self._kept.move_to_end(question)
        while len(self._kept) > self._params.cache_entries:
            self._kept.popitem(last=False)
