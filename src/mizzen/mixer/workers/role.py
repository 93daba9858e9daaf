"""What a worker process knows of being one: told by its parent in the environment, once."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from mizzen.config.resource import Resource

VARIABLE = "MIZZEN_MIXER_WORKER"
_FORM = re.compile(r"(\d{1,4})/(\d{1,4}):([0-9a-f]{8}):(\d{1,9})")


@dataclass(frozen=True)
class Role:
    """Worker `index` of `count`. `token` is that of the parent, by which all its workers name generations alike;
    `counts` is the file descriptor over which it counts quotas for them."""

    index: int
    count: int
    token: str
    counts: int

    def write(self) -> str:
        return f"{self.index}/{self.count}:{self.token}:{self.counts}"


def take_role(environment: MutableMapping[str, str]) -> Role | None:
    """The role of this process; no other process inherits it. OSError when its file descriptor is not there."""
    found = _FORM.fullmatch(environment.pop(VARIABLE, ""))
    if found is None:
        return None
    role = Role(int(found[1]), int(found[2]), found[3], int(found[4]))
    os.set_inheritable(role.counts, False)
    return role


def naming(role: Role, folders: Iterable[Path]) -> Callable[[Mapping[str, Resource], Iterable[str]], str]:
    """Names generations by content, because a client may be served by any worker of one parent."""
    return lambda resources, kept: f"{role.token}-{digest(resources, kept, folders)}"


def digest(resources: Mapping[str, Resource], kept: Iterable[str], folders: Iterable[Path]) -> str:
    """The same text in every process that decides by the same configuration and the same adapters.

    `kept` are the resources of which not the newest version is in force, `folders` those with adapters.
    """
    summed = hashlib.sha256()
    for _, resource in sorted(resources.items()):
        summed.update(resource.canonical.encode())
    summed.update(json.dumps(sorted(kept)).encode())
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        try:
            summed.update(str(file).encode() + b"\0" + file.read_bytes())
        except OSError:  # it is gone already: the next change will tell
            continue
    return summed.hexdigest()[:12]
