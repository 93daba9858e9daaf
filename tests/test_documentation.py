"""The pages hang together: links lead somewhere, and every page can be found from the index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs" / "README.md"
NOT_OURS = {"target", "dist", "node_modules"}
FENCED = re.compile(r"^(?P<fence>\s*(```+|~~~+)).*?^\s*\2", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$", re.MULTILINE)


def pages(folder: Path = ROOT) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.name.startswith(".") and entry.name not in NOT_OURS:
            yield from pages(entry)
        elif entry.suffix == ".md":
            yield entry


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[tuple[Path, str]]:
    """Files and anchors that a page links to; other sites are left out."""
    targets = [match["target"] for match in LINK.finditer(re.sub(r"`[^`\n]*`", "", prose(page)))]
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    split = [target.partition("#") for target in local]
    return [((page.parent / file).resolve() if file else page, anchor) for file, _, anchor in split]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings: text in lower case without punctuation, hyphens for spaces."""
    seen: Counter[str] = Counter()
    found = set()
    for match in HEADING.finditer(prose(page)):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match["title"])
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for file, anchor in links(page):
        assert file.exists(), f"{page.relative_to(ROOT)}: no {file}"
        if anchor:
            assert anchor in anchors(file), f"{page.relative_to(ROOT)}: no heading for #{anchor} in {file.name}"


def test_every_page_of_the_documentation_stands_in_the_index() -> None:
    index = {file for file, _ in links(INDEX)} | {file for file, _ in links(INDEX.parent / "adapters" / "README.md")}
    assert [page.name for page in pages(INDEX.parent) if page != INDEX and page not in index] == []


def test_the_files_that_the_way_of_a_request_names_exist() -> None:
    text = prose(ROOT / "CONTRIBUTING.md").partition("## The way of one request")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w./-]+\.(?:rs|py))`", text)
    sources = [str(path) for folder in ("crates", "src") for path in (ROOT / folder).rglob("*.*")]
    assert len(named) > 20
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in sources)] == []


def test_anchors_are_those_of_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `mixer`: CPU of *the* Mixer\n## A b\n```\n# no heading\n```\n## A b\n## What's [new](x.md)?\n")
    assert anchors(page) == {"mixer-cpu-of-the-mixer", "a-b", "a-b-1", "whats-new"}
