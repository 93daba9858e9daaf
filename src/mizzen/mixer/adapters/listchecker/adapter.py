"""listchecker (also `list`): allows what is on a white list, refuses what is on a black list."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import cast

from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment, Task
from mizzen.mixer.adapters.listchecker.entries import EntryError, NotAnAddressError, check_entry, make_list
from mizzen.mixer.adapters.listchecker.fetch import open_source
from mizzen.mixer.adapters.listchecker.params import ListParams
from mizzen.mixer.adapters.listchecker.provider import FetchError, ProvidedList
from mizzen.mixer.adapters.results import CheckResult, Code, Status
from mizzen.mixer.adapters.texts import ip_text, stringify
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Instance, InstanceTypes, ListEntry, Problem

_LOOK_S = 1.0
_UNSURE_S = 1.0
_UNSURE_USES = 100


class ListAdapter(Adapter):
    """Checks the value of a `listentry`: a text, or an IP address in its text form.

    An answer may be reused for `caching_interval` and `caching_use_count`; one given without a list only briefly.
    """

    name = "listchecker"
    templates = frozenset(["listentry"])
    Params = ListParams

    def __init__(self, params: ListParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._params = params
        self._overrides = make_list(params.entry_type, params.overrides)
        self._valid_for = params.caching_interval / 1e9
        self._uses = params.caching_use_count
        self._allowed = CheckResult(valid_for=self._valid_for, uses=self._uses)
        self.updater: Updater | None = None
        if params.provider_url.get_secret_value():
            self.updater = Updater(params, environment)
            self.registry = self.updater.registry

    @classmethod
    def validate(cls, params: ListParams, instances: Mapping[str, InstanceTypes]) -> list[Problem]:
        problems = []
        for index, entry in enumerate(params.overrides):
            try:
                check_entry(params.entry_type, entry)
            except EntryError as error:
                problems.append(Problem(("overrides", index), entry, error.reason, error.accepted))
        return problems

    def check(self, instance: Instance) -> CheckResult:
        value = cast(ListEntry, instance).value
        if not isinstance(value, str | bytes):
            return self._refused(Code.INVALID_ARGUMENT, value, "is not a valid string or IP address")
        text = value if isinstance(value, str) else ip_text(value)
        provided = self.updater.list.entries if self.updater else None
        try:
            found = text in self._overrides or (provided is not None and text in provided)
        except NotAnAddressError:
            return self._refused(Code.INVALID_ARGUMENT, text, "is not a valid IP address")
        if self.updater and provided is None and not found:
            return self._unsure(self.updater)
        if found == self._params.blacklist:
            reason = "is blacklisted" if found else "is not whitelisted"
            return self._refused(Code.PERMISSION_DENIED, text, reason)
        return self._allowed

    def close(self) -> None:
        if self.updater:
            self.updater.close()

    def _refused(self, code: Code, value: Value | None, reason: str) -> CheckResult:
        shown = "<nil>" if value is None else stringify(value)
        return CheckResult(Status(code, f"{shown} {reason}"), self._valid_for, self._uses)

    def _unsure(self, updater: Updater) -> CheckResult:
        """The answer while there is no list and the overrides do not decide."""
        updater.unsure.inc()
        if self._params.fail_open:
            return CheckResult(valid_for=_UNSURE_S, uses=_UNSURE_USES)
        status = Status(Code.UNAVAILABLE, f"the list is not available: {updater.list.error}")
        return CheckResult(status, _UNSURE_S, _UNSURE_USES)


class Updater:
    """Keeps a provided list fresh: fetches it at once, then in the background.

    A handler that replaces another with the same source starts with its list instead of fetching at once.
    """

    list: ProvidedList
    lock: threading.Lock

    def __init__(self, params: ListParams, environment: Environment) -> None:
        self._environment = environment
        self.source_key = (params.provider_url, params.entry_type, params.refresh_interval, params.ttl)
        url = params.provider_url.get_secret_value()
        self._source = open_source(url, params.fetch_timeout / 1e9, params.max_bytes)
        self.registry = CollectorRegistry()
        self._fetches = Counter(
            "mizzen_listchecker_fetches",
            "Fetches of a list, by outcome",
            ["handler", "outcome"],
            registry=self.registry,
        )
        self.unsure = Counter(
            "mizzen_listchecker_without_list",
            "Checks that no override decided while there was no list, by what was answered",
            ["handler", "answer"],
            registry=self.registry,
        ).labels(environment.handler, "allowed" if params.fail_open else "refused")
        inherited = _inherited(environment, self.source_key)
        self.lock = inherited.lock if inherited else threading.Lock()
        if inherited:
            self.list = inherited.list
        else:
            self.list = ProvidedList(params.entry_type, params.refresh_interval / 1e9, params.ttl / 1e9)
            self.update()
        self._task: Task = environment.scheduler.every(_LOOK_S, self.update, name=f"{environment.handler} list")

    def update(self) -> None:
        """Fetches if it is time to."""
        with self.lock:  # two handlers may share the list while one replaces the other
            now = self._environment.monotonic()
            self.list.drop_if_old(now)
            if not self.list.is_due(now):
                return
            try:
                fetched = self._source.fetch(self.list.conditions())
                outcome = "changed" if self.list.succeed(fetched, now) else "unchanged"
            except FetchError as error:
                outcome = "failed"
                self.list.fail(str(error), now)
                self._environment.logger.warning(
                    "list could not be fetched", handler=self._environment.handler, error=str(error)
                )
        self._fetches.labels(self._environment.handler, outcome).inc()

    def close(self) -> None:
        self._task.cancel()
        self._source.close()


def _inherited(environment: Environment, source_key: object) -> Updater | None:
    """The updater of the predecessor if it has the same source and a list."""
    old = environment.predecessor.updater if isinstance(environment.predecessor, ListAdapter) else None
    return old if old and old.source_key == source_key and old.list.entries is not None else None
