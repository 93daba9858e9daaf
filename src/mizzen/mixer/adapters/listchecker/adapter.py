"""listchecker (also `list`): allows what is on a white list, refuses what is on a black list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.listchecker.entries import EntryError, NotAnAddressError, check_entry, make_list
from mizzen.mixer.adapters.listchecker.params import ListParams
from mizzen.mixer.adapters.results import CheckResult, Code, Status
from mizzen.mixer.adapters.texts import ip_text, stringify
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Instance, InstanceTypes, ListEntry, Problem


class ListAdapter(Adapter):
    """Checks the value of a `listentry`: a text, or an IP address in its text form.

    Every answer may be reused for `caching_interval` and `caching_use_count`.
    """

    name = "listchecker"
    templates = frozenset(["listentry"])
    Params = ListParams

    def __init__(self, params: ListParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._entries = make_list(params.entry_type, params.overrides)
        self._blacklist = params.blacklist
        self._valid_for = params.caching_interval / 1e9
        self._uses = params.caching_use_count
        self._allowed = CheckResult(valid_for=self._valid_for, uses=self._uses)

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
        try:
            found = text in self._entries
        except NotAnAddressError:
            return self._refused(Code.INVALID_ARGUMENT, text, "is not a valid IP address")
        if found == self._blacklist:
            reason = "is blacklisted" if found else "is not whitelisted"
            return self._refused(Code.PERMISSION_DENIED, text, reason)
        return self._allowed

    def _refused(self, code: Code, value: Value | None, reason: str) -> CheckResult:
        shown = "<nil>" if value is None else stringify(value)
        return CheckResult(Status(code, f"{shown} {reason}"), self._valid_for, self._uses)
