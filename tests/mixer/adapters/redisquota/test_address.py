from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.redisquota.address import Address, AddressError, Topology, parse_address

CASES = yaml.safe_load((Path(__file__).parent / "cases_addresses.yaml").read_text())


def tuples(value: Any) -> Any:
    return tuple(map(tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("case", [case for case in CASES if "error" not in case], ids=lambda case: case["text"])
def test_addresses_are_understood(case: dict[str, Any]) -> None:
    fields = {name: tuples(value) for name, value in case.items() if name not in ("text", "topology")}
    assert parse_address(case["text"]) == Address(Topology(case["topology"]), **fields)


@pytest.mark.parametrize("case", [case for case in CASES if "error" in case], ids=lambda case: case["text"])
def test_other_texts_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(AddressError, match=f"^{re.escape(case['error'])}$"):
        parse_address(case["text"])


def test_a_password_is_not_part_of_how_an_address_looks() -> None:
    assert "secret" not in repr(parse_address("redis://user:secret@host"))


@given(
    st.text(max_size=30) | st.builds("{}://{}".format, st.sampled_from(["redis", "unix", "x"]), st.text(max_size=20))
)
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError as error:
        assert str(error)  # noqa: PT017
    else:
        assert address.nodes or address.path
