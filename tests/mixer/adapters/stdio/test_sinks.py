from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mizzen.mixer.adapters.stdio.sinks import FileSink, RotatedFileSink
from mizzen.mixer.adapters.testing import AdapterBench


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


@pytest.fixture
def sinks() -> Iterator[list[FileSink]]:
    opened: list[FileSink] = []
    yield opened
    for sink in opened:
        sink.close()


def rotated(path: Path, bench: AdapterBench, max_bytes: int = 0, days: int = 0, files: int = 0) -> RotatedFileSink:
    return RotatedFileSink(path, max_bytes, timedelta(days=days), files, bench.now)


def test_a_file_is_appended_to(tmp_path: Path, sinks: list[FileSink]) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    sinks.append(FileSink(path))
    sinks[0].write("after\n")
    assert path.read_text() == "before\nafter\n"


def test_a_file_that_was_moved_or_deleted_is_created_anew(tmp_path: Path, sinks: list[FileSink]) -> None:
    path = tmp_path / "log"
    sinks.append(FileSink(path))
    sinks[0].write("1\n")
    path.rename(tmp_path / "log.1")
    sinks[0].write("2\n")
    assert path.read_text() == "2\n"
    path.unlink()
    sinks[0].write("3\n")
    assert path.read_text() == "3\n"
    assert (tmp_path / "log.1").read_text() == "1\n"


def test_lines_of_threads_are_not_mixed(tmp_path: Path, sinks: list[FileSink]) -> None:
    path = tmp_path / "log"
    sinks.append(FileSink(path))

    def write(letter: str) -> None:
        for _ in range(200):
            sinks[0].write(letter * 50 + "\n")

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 800
    assert all(len(set(line)) == 1 and len(line) == 50 for line in lines)


def test_half_a_line_is_ended_before_the_next_one(
    tmp_path: Path, sinks: list[FileSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    sinks.append(FileSink(path))
    write = os.write
    room = iter([3])

    def full_disk(file: int, data: bytes) -> int:
        size = next(room, None)
        if size is None:
            raise OSError(28, "No space left on device")
        return write(file, data[:size])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full_disk)
        with pytest.raises(OSError, match="No space left"):
            sinks[0].write("first\n")
    sinks[0].write("second\n")
    sinks[0].write("third\n")
    assert path.read_text() == "fir\nsecond\nthird\n"


def test_a_full_file_is_renamed_with_the_time_in_utc(
    tmp_path: Path, bench: AdapterBench, sinks: list[FileSink]
) -> None:
    path = tmp_path / "access.log"
    sink = rotated(path, bench, max_bytes=10)
    sinks.append(sink)
    sink.write("12345\n")
    sink.write("67890\n")
    assert path.read_text() == "67890\n"
    assert [file.name for file in sink.rotated()] == ["access-2023-11-14T22-13-20.000000.log"]
    assert sink.rotated()[0].read_text() == "12345\n"


def test_a_line_larger_than_the_limit_is_written_all_the_same(
    tmp_path: Path, bench: AdapterBench, sinks: list[FileSink]
) -> None:
    sink = rotated(tmp_path / "log", bench, max_bytes=4)
    sinks.append(sink)
    sink.write("much too long\n")
    assert (tmp_path / "log").read_text() == "much too long\n"
    assert sink.rotated() == []


def test_an_old_file_is_rotated(tmp_path: Path, bench: AdapterBench, sinks: list[FileSink]) -> None:
    sink = rotated(tmp_path / "log", bench, days=2)
    sinks.append(sink)
    sink.write("1\n")
    bench.advance(2 * 86_400 - 1)
    sink.write("2\n")
    assert sink.rotated() == []
    bench.advance(1)
    sink.write("3\n")
    assert (tmp_path / "log").read_text() == "3\n"
    assert [file.read_text() for file in sink.rotated()] == ["1\n2\n"]


def test_the_age_of_a_file_survives_a_restart(tmp_path: Path, bench: AdapterBench, sinks: list[FileSink]) -> None:
    first = rotated(tmp_path / "log", bench, days=1)
    first.write("1\n")
    bench.advance(86_400)
    first.write("2\n")
    first.close()
    bench.advance(80_000)
    second = rotated(tmp_path / "log", bench, days=1)
    sinks.append(second)
    bench.advance(6_400)
    second.write("3\n")
    assert len(second.rotated()) == 2


def test_only_the_newest_rotated_files_are_kept(tmp_path: Path, bench: AdapterBench, sinks: list[FileSink]) -> None:
    path = tmp_path / "log"
    (tmp_path / "log-notes").write_text("not ours")
    sink = rotated(path, bench, max_bytes=1, files=2)
    sinks.append(sink)
    for number in range(5):
        sink.write(f"{number}\n")
    assert path.read_text() == "4\n"
    assert [file.read_text() for file in sink.rotated()] == ["2\n", "3\n"]
    assert (tmp_path / "log-notes").exists()


def test_no_line_is_lost_when_two_handlers_share_a_rotated_file(
    tmp_path: Path, bench: AdapterBench, sinks: list[FileSink]
) -> None:
    pair = [rotated(tmp_path / "log", bench, max_bytes=20) for _ in range(2)]
    sinks += pair
    for number in range(40):
        pair[number % 2].write(f"{number:04d}\n")
    files = [*pair[0].rotated(), tmp_path / "log"]
    assert sorted("".join(file.read_text() for file in files).split()) == [f"{number:04d}" for number in range(40)]
