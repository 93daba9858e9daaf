from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from mizzen.config import FileStore, StoreState
from mizzen.config.scan import LARGEST_FILE_BYTES, ScannedFile, scan_directory
from mizzen.config.store import advance


def rule(name: str, match: str = "") -> str:
    return f"kind: rule\nmetadata: {{name: {name}}}\nspec: {{match: {match!r}}}\n"


def state_of(*scans: dict[str, str | None]) -> StoreState:
    """The state after a series of scans; None stands for a file that cannot be read."""
    state = StoreState()
    for scan in scans:
        files = {
            name: ScannedFile(failure="cannot be read: denied") if text is None else ScannedFile(text)
            for name, text in scan.items()
        }
        state = advance(state, files)
    return state


def matches(state: StoreState) -> dict[str, str]:
    return {resource.name: resource.spec["match"] for resource in state.resources.values()}


def test_resources_of_all_files_come_in_the_order_of_their_keys() -> None:
    state = state_of({"b.yaml": rule("z") + "---\n" + rule("a"), "c.yaml": rule("m")})
    assert list(state.resources) == ["a.rule.istio-system", "m.rule.istio-system", "z.rule.istio-system"]
    assert not state.errors


def test_a_broken_file_keeps_its_last_good_resources() -> None:
    state = state_of({"a.yaml": rule("a", "1")}, {"a.yaml": "kind: [rule"})
    assert matches(state) == {"a": "1"}
    assert state.kept == {"a.rule.istio-system"}
    assert len(state.errors) == 1


def test_an_unreadable_file_keeps_its_last_good_resources() -> None:
    state = state_of({"a.yaml": rule("a", "1")}, {"a.yaml": None})
    assert matches(state) == {"a": "1"}
    assert str(state.errors[0]) == "a.yaml:1:1: cannot be read: denied; accepted: a readable file in UTF-8"


def test_the_good_documents_of_a_broken_file_are_taken() -> None:
    before = rule("a", "1") + "---\n" + rule("b", "1")
    state = state_of({"f.yaml": before}, {"f.yaml": rule("a", "2") + "---\n" + "kind: [rule"})
    assert matches(state) == {"a": "2", "b": "1"}
    assert state.kept == {"b.rule.istio-system"}


def test_a_document_taken_out_of_a_file_in_order_is_gone() -> None:
    state = state_of({"f.yaml": rule("a") + "---\n" + rule("b")}, {"f.yaml": rule("b")})
    assert list(matches(state)) == ["b"]


def test_a_deleted_file_takes_its_resources_along() -> None:
    state = state_of({"a.yaml": rule("a"), "b.yaml": rule("b")}, {"b.yaml": rule("b")})
    assert list(matches(state)) == ["b"]


def test_a_repaired_file_is_no_longer_kept() -> None:
    state = state_of({"a.yaml": rule("a", "1")}, {"a.yaml": "["}, {"a.yaml": rule("a", "3")})
    assert matches(state) == {"a": "3"}
    assert not state.kept
    assert not state.errors


def test_a_resource_that_is_defined_twice_is_reported_and_the_first_one_counts() -> None:
    state = state_of({"a.yaml": rule("a", "1"), "b.yaml": rule("a", "2")})
    assert matches(state) == {"a": "1"}
    assert [str(error) for error in state.errors] == [
        "b.yaml:2:18: a.rule.istio-system: metadata.name: is defined a second time; the one at a.yaml:1:1 is used; "
        "accepted: each resource once"
    ]


def test_a_kept_resource_that_moved_to_another_file_is_not_reported_twice() -> None:
    state = state_of({"a.yaml": rule("a", "1")}, {"a.yaml": "[", "b.yaml": rule("a", "2")})
    assert len(state.errors) == 1


def test_files_that_did_not_change_are_not_parsed_again() -> None:
    state = state_of({"a.yaml": rule("a")})
    later = advance(state, {"a.yaml": ScannedFile(rule("a"))})
    assert later.files["a.yaml"] is state.files["a.yaml"]


def test_the_scan_reads_yaml_files_below_the_directory(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yml").write_text("a")
    (tmp_path / "b.yaml").write_text("b")
    (tmp_path / "c.txt").write_text("c")
    (tmp_path / ".hidden.yaml").write_text("d")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nothing")
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    scan = {Path(name).relative_to(tmp_path).as_posix(): found for name, found in scan_directory(tmp_path).items()}
    assert scan == {
        "b.yaml": ScannedFile("b"),
        "gone.yaml": ScannedFile(failure="is not a file"),
        "latin.yaml": ScannedFile(failure="is not UTF-8 at byte 0"),
        "sub/a.yml": ScannedFile("a"),
    }


def test_a_directory_that_does_not_exist_is_an_error_of_load(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        FileStore(tmp_path / "nothing").load()


async def expect(store: FileStore, *steps: object) -> list[tuple[dict[str, str], float]]:
    """Runs each step once the watch has settled, and returns the matches and the delay of the state that followed."""
    store.load()
    states = store.watch()
    found = []
    try:
        for step in steps:
            pending = asyncio.ensure_future(anext(states))
            await asyncio.sleep(0.3)
            assert not pending.done()
            assert callable(step)
            step()
            start = time.monotonic()
            state = await asyncio.wait_for(pending, 10)
            found.append((matches(state), time.monotonic() - start))
    finally:
        await states.aclose()  # type: ignore[attr-defined]
    return found


async def test_the_watch_sees_writes_renames_and_deletions_within_200_ms(tmp_path: Path) -> None:
    file, other = tmp_path / "a.yaml", tmp_path / "a.yaml.tmp"
    file.write_text(rule("a", "1"))

    def rename() -> None:
        other.write_text(rule("a", "3"))
        other.replace(file)

    found = await expect(FileStore(tmp_path), lambda: file.write_text(rule("a", "2")), rename, file.unlink)
    assert [state for state, _ in found] == [{"a": "2"}, {"a": "3"}, {}]
    assert min(delay for _, delay in found) < 0.2


async def test_the_watch_sees_files_in_a_new_directory(tmp_path: Path) -> None:
    def add() -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.yaml").write_text(rule("a", "1"))

    found = await expect(FileStore(tmp_path), add)
    assert [state for state, _ in found] == [{"a": "1"}]


async def test_a_file_that_is_emptied_just_before_it_is_written_does_not_lose_its_resources(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(rule("a", "1"))

    def save() -> None:
        file.write_text("")
        asyncio.get_running_loop().call_later(0.06, file.write_text, rule("a", "2"))

    found = await expect(FileStore(tmp_path), save)
    assert [state for state, _ in found] == [{"a": "2"}]


async def test_a_directory_replaced_by_another_is_followed(tmp_path: Path) -> None:
    directory, new = tmp_path / "config", tmp_path / "new"
    directory.mkdir()
    new.mkdir()
    (directory / "a.yaml").write_text(rule("a", "1"))
    (new / "a.yaml").write_text(rule("a", "2"))

    def swap() -> None:
        directory.rename(tmp_path / "old")
        new.rename(directory)

    found = await expect(FileStore(directory), swap, lambda: (directory / "a.yaml").write_text(rule("a", "3")))
    assert [state for state, _ in found] == [{"a": "2"}, {"a": "3"}]


async def test_the_links_of_a_mounted_config_map_are_followed_when_they_are_swapped(tmp_path: Path) -> None:
    """As Kubernetes does it: the files are links through `..data`, which is renamed over by one to a new directory."""

    def version(name: str, match: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(rule("a", match))

    def swap() -> None:
        version("..2026_02", "2")
        (tmp_path / "..data_tmp").symlink_to("..2026_02")
        (tmp_path / "..data_tmp").replace(tmp_path / "..data")
        (tmp_path / "..2026_01" / "a.yaml").unlink()
        (tmp_path / "..2026_01").rmdir()

    version("..2026_01", "1")
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    store = FileStore(tmp_path)
    found = await expect(store, swap)
    assert [state for state, _ in found] == [{"a": "2"}]
    assert found[0][1] < 0.2
    assert not store.state.errors


async def test_a_directory_that_is_gone_for_a_while_keeps_its_last_state(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "a.yaml").write_text(rule("a", "1"))

    def away_and_back() -> None:
        directory.rename(tmp_path / "away")
        asyncio.get_running_loop().call_later(0.3, back)

    def back() -> None:
        (tmp_path / "away" / "a.yaml").write_text(rule("a", "2"))
        (tmp_path / "away").rename(directory)

    found = await expect(FileStore(directory), away_and_back)
    assert [state for state, _ in found] == [{"a": "2"}]


def save(file: Path, data: bytes, seconds_ago: int) -> None:
    """Writes a file as if some time ago; the time of its entry stays that of now."""
    file.write_bytes(data)
    then = time.time_ns() - seconds_ago * 10**9
    os.utime(file, ns=(then, then))


@pytest.mark.parametrize("data", [b"kind: rule \xff", b"kind: [rule", b"\x00", b"- " * 50_000])
def test_a_save_that_cannot_be_read_keeps_the_last_good_version(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(rule("a", "1"))
    store = FileStore(tmp_path)
    store.load()
    file.write_bytes(data)
    assert matches(store.load()) == {"a": "1"}
    assert store.state.kept == {"a.rule.istio-system"}
    assert len(store.state.errors) == 1


def test_a_large_file_is_read_and_one_that_is_too_large_is_not(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(rule("a", "1") + "# a comment of one megabyte\n" * 40_000)
    store = FileStore(tmp_path)
    assert matches(store.load()) == {"a": "1"}
    file.write_text(rule("a", "2") + "# " + "x" * LARGEST_FILE_BYTES)
    assert matches(store.load()) == {"a": "1"}
    assert "is larger than" in str(store.state.errors[0])


def test_a_file_that_was_not_touched_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a")
    monkeypatch.setattr(time, "time_ns", lambda: file.stat().st_ctime_ns + 3 * 10**9)
    first = scan_directory(tmp_path)
    assert scan_directory(tmp_path, first)[str(file)] is first[str(file)]
    file.write_text("b")
    assert scan_directory(tmp_path, first)[str(file)].text == "b"


def test_a_file_that_has_just_been_written_is_read_again(tmp_path: Path) -> None:
    """Another write may fall on the same time."""
    file = tmp_path / "a.yaml"
    save(file, b"a", seconds_ago=3)
    first = scan_directory(tmp_path)
    assert first[str(file)].stamp is None
    assert scan_directory(tmp_path, first)[str(file)] is not first[str(file)]


def test_an_unchanged_file_takes_over_the_stamp_that_it_was_too_young_for() -> None:
    stamp = (1, 2, 3, 4, 5)
    state = state_of({"a.yaml": rule("a")})
    later = advance(state, {"a.yaml": ScannedFile(rule("a"), stamp=stamp)})
    assert later.files["a.yaml"].scanned.stamp == stamp
    assert later.files["a.yaml"].resources is state.files["a.yaml"].resources
