"""Logs: rotated, read whole, followed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from scorewright_local.follow import read_log
from scorewright_local.front.log import RotatingLog
from scorewright_local.places import ServicePlace
from scorewright_local.target import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.plugins.local.conftest import Workbench


def test_what_the_server_and_the_front_write_is_in_the_log(bench: Workbench) -> None:
    score = "def init():\n    print('hello from init')\ndef run(data):\n    return 1\n"
    bench.up(bench.bundle(score=score))

    lines = list(LOCAL.logs(bench.request()))

    assert any("hello from init" in line for line in lines)
    assert any("front - version" in line and "is current" in line for line in lines)


def test_a_log_is_rotated_and_still_read_in_order(tmp_path: Path) -> None:
    place = ServicePlace(tmp_path / "digits")
    log = RotatingLog(place.log, limit=40)
    written = [f"line number {number:03}" for number in range(8)]
    for line in written:
        log.write(line)
    log.close()

    assert len(list(place.log.parent.iterdir())) == 4
    assert list(read_log(place, follow=False)) == written


def test_the_oldest_lines_go_first(tmp_path: Path) -> None:
    place = ServicePlace(tmp_path / "digits")
    log = RotatingLog(place.log, limit=40)
    for number in range(100):
        log.write(f"line number {number:03}")
    log.close()

    kept = list(read_log(place, follow=False))
    assert kept[-1] == "line number 099"
    assert len(kept) < 10


def test_a_followed_log_goes_on_over_rotations_until_the_service_is_gone(
    tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    place = ServicePlace(tmp_path / "digits")
    log = RotatingLog(place.log, limit=60)
    seen: list[str] = []
    lines: Iterator[str] = read_log(place, follow=True)
    reader = threading.Thread(target=lambda: seen.extend(lines), daemon=True)
    log.write("before")
    reader.start()
    written = [f"line number {number}" for number in range(7)]
    for number, line in enumerate(written):
        log.write(line)
        eventually(lambda number=number: len(seen) == number + 2)  # type: ignore[misc]
    log.close()

    for file in place.log.parent.iterdir():
        file.unlink()
    place.log.parent.rmdir()
    place.folder.rmdir()
    reader.join(timeout=30)

    assert not reader.is_alive()
    assert seen == ["before", *written]
