from __future__ import annotations

import pytest

from mizzen.mixer.adapters.opa.rule_path import rule_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("data.a", ("a",)),
        ("data.mixerauthz.allow", ("mixerauthz", "allow")),
        ('data["a-b"].c', ("a-b", "c")),
        ('data.a["x.y/z"]["\\u00fc"]', ("a", "x.y/z", "ü")),
    ],
)
def test_names_come_after_points_and_in_brackets(text: str, path: tuple[str, ...]) -> None:
    assert rule_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["", "data", "data.", "database.a", "mixerauthz.allow", "data.a/../b", "data.a[b]", 'data.a["b]', 'data.a[""]',
     'data.a["\\x"]', "data.a b", "data.a.", "data.1", "data[0]", "data.ä"],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        rule_path(text)
