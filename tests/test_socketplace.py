"""Where a control socket is made: it is its owner's only, and nobody else's is taken away."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from signalling.operators.socketplace import MOST_BYTES, NotTaken, Place, take


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "roundtable.sock"


@pytest.fixture
def taken(path: Path) -> Iterator[Place]:
    place = take(path)
    yield place
    place.listener.close()


def is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


def left_by_a_killed_process(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_its_owner_may_connect_whatever_the_umask(umask: int, path: Path) -> None:
    before = os.umask(umask)
    try:
        place = take(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_answered(path)
    place.listener.close()


def test_it_is_never_open_to_others_not_even_for_a_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    monkeypatch.setattr(os, "chmod", lambda path, mode: modes.append(stat.S_IMODE(os.stat(path).st_mode)))
    before = os.umask(0)
    try:
        take(path).listener.close()
    finally:
        os.umask(before)
    assert modes == [0o600], "the mode that bind(2) gave it"


def test_a_stale_one_is_cleared_away(path: Path) -> None:
    left_by_a_killed_process(path)
    place = take(path)
    assert is_answered(path)
    place.listener.close()


def test_that_of_another_server_is_left_alone(taken: Place, path: Path) -> None:
    with pytest.raises(NotTaken, match="another server listens there"):
        take(path)
    assert is_answered(path)


def test_one_whose_backlog_is_full_is_no_stale_one(path: Path) -> None:
    callers: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)
        outcome = 0
        while outcome == 0:
            callers.append(socket.socket(socket.AF_UNIX))
            callers[-1].setblocking(False)
            outcome = callers[-1].connect_ex(str(path))
        assert outcome == errno.EAGAIN
        with pytest.raises(NotTaken, match="another server listens there"):
            take(path)
    for caller in callers:
        caller.close()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_socket_is_left_alone(make: Callable[[Path], None], path: Path) -> None:
    make(path)
    with pytest.raises(NotTaken, match="no socket; it is left alone"):
        take(path)
    assert not stat.S_ISSOCK(path.lstat().st_mode)


def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path) -> None:
    room = MOST_BYTES - len(os.fsencode(tmp_path)) - 1
    assert room > 0
    with pytest.raises(NotTaken, match="longer than 107 bytes"):
        take(tmp_path / ("x" * (room + 1)))
    take(tmp_path / ("x" * room)).listener.close()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotTaken, match="No such file or directory"):
        take(tmp_path / "none" / "roundtable.sock")


def test_of_many_that_find_a_stale_one_one_takes_it(path: Path) -> None:
    left_by_a_killed_process(path)

    def attempt(_: int) -> Place | None:
        try:
            return take(path)
        except NotTaken:
            return None

    with ThreadPoolExecutor(8) as threads:
        places = [place for place in threads.map(attempt, range(8)) if place is not None]
    assert len(places) == 1
    assert places[0].file == (path.stat().st_dev, path.stat().st_ino)
    places[0].listener.close()


def test_leaving_removes_the_file_once(taken: Place, path: Path) -> None:
    taken.leave()
    assert not path.exists()
    taken.leave()


def test_leaving_leaves_a_successors_alone(taken: Place, path: Path) -> None:
    path.rename(path.with_name("moved"))  # so that the successor's inode is another
    successor = take(path)
    taken.leave()
    assert is_answered(path)
    successor.listener.close()


def test_a_forked_child_leaves_its_parents_alone(taken: Place, path: Path) -> None:
    replace(taken, process=taken.process + 1).leave()
    assert is_answered(path)
