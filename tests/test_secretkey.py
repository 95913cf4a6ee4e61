import logging
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from roundtable.secretkey import MIN_CHARACTERS, secret_key

ROOT = Path(__file__).resolve().parent.parent
GOOD = "k" * MIN_CHARACTERS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret.key"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text)
    file.chmod(mode)


def processes(file: Path, count: int) -> list[str]:
    """The keys that so many processes print, all started before any is waited for."""
    program = (
        f"from pathlib import Path; from roundtable.secretkey import *; print(secret_key(Path({str(file)!r}), {{}}))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    return [process.communicate(timeout=40)[0].strip() for process in started]


def test_key_is_made_at_first_need(file: Path, logged: pytest.LogCaptureFixture) -> None:
    key = secret_key(file, {})
    assert len(key) >= MIN_CHARACTERS
    assert file.read_text() == f"{key}\n"
    assert logged.records == []


def test_only_its_owner_can_read_it(file: Path) -> None:
    before = os.umask(0)
    try:
        secret_key(file, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_else_is_left_behind(file: Path) -> None:
    secret_key(file, {})
    assert list(file.parent.iterdir()) == [file]


def test_key_survives_a_restart(file: Path) -> None:
    assert processes(file, 1) == processes(file, 1)


def test_processes_that_start_at_once_agree(file: Path) -> None:
    keys = processes(file, 3)
    assert len(set(keys)) == 1 and len(keys[0]) >= MIN_CHARACTERS


def test_threads_that_need_it_at_once_agree(tmp_path: Path) -> None:
    for attempt in range(20):
        together = Barrier(8)

        def need(path: Path, together: Barrier = together) -> str:
            together.wait()
            return secret_key(path, {})

        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(need, [tmp_path / f"{attempt}.key"] * 8))
        assert len(keys) == 1


def test_loser_reads_what_the_winner_wrote(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The winner's file appears after the loser found none and before it gives its own draft the name."""
    link = os.link

    def overtaken(source: str, target: Path) -> None:
        write(target, GOOD)
        link(source, target)

    monkeypatch.setattr(os, "link", overtaken)
    assert secret_key(file, {}) == GOOD
    assert list(file.parent.iterdir()) == [file]


def test_key_that_is_there_is_used(file: Path, logged: pytest.LogCaptureFixture) -> None:
    write(file, f"  {GOOD}\n")
    assert secret_key(file, {}) == GOOD
    assert logged.records == []


def test_environment_wins(file: Path) -> None:
    write(file, "f" * MIN_CHARACTERS)
    assert secret_key(file, {"ROUNDTABLE_SECRET_KEY": GOOD}) == GOOD


def test_with_the_environment_no_file_is_made(file: Path) -> None:
    secret_key(file, {"ROUNDTABLE_SECRET_KEY": GOOD})
    assert not file.exists()


def test_empty_variable_is_none(file: Path) -> None:
    write(file, GOOD)
    assert secret_key(file, {"ROUNDTABLE_SECRET_KEY": " "}) == GOOD


@pytest.mark.parametrize(
    "obstacle", ["no directory", "directory is a file", "file is a directory", "empty", "not text"]
)
def test_unusable_file_means_a_random_key_and_one_warning(
    obstacle: str, tmp_path: Path, logged: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret.key"
    match obstacle:
        case "no directory":
            file = tmp_path / "none" / "secret.key"
        case "directory is a file":
            write(tmp_path / "file", "")
            file = tmp_path / "file" / "secret.key"
        case "file is a directory":
            file.mkdir()
        case "empty":
            write(file, "\n")
        case "not text":
            file.write_bytes(b"\xff" * MIN_CHARACTERS)
    first = secret_key(file, {})
    (warning,) = logged.records
    assert warning.getMessage() == "no lasting secret key: operators are logged out by a restart"
    assert len(first) >= MIN_CHARACTERS and secret_key(file, {}) != first


def test_filesystem_that_cannot_be_written(
    file: Path, logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("roundtable.secretkey.tempfile.mkstemp", read_only)
    assert len(secret_key(file, {})) >= MIN_CHARACTERS
    assert len(logged.records) == 1


def test_key_that_others_can_read_is_used_with_a_warning(file: Path, logged: pytest.LogCaptureFixture) -> None:
    write(file, GOOD, mode=0o644)
    assert secret_key(file, {}) == GOOD
    (warning,) = logged.records
    assert warning.getMessage() == "others can read the secret key: chmod 600 is right"


@pytest.mark.parametrize("where", ["file", "environment"])
def test_short_key_is_used_with_a_warning(where: str, file: Path, logged: pytest.LogCaptureFixture) -> None:
    write(file, "short")
    assert secret_key(file, {"ROUNDTABLE_SECRET_KEY": "short"} if where == "environment" else {}) == "short"
    (warning,) = logged.records
    assert warning.getMessage() == "the secret key is short"


def test_no_warning_holds_the_key(file: Path, logged: pytest.LogCaptureFixture) -> None:
    write(file, "hunter2", mode=0o666)
    secret_key(file, {})
    assert len(logged.records) == 2
    assert all("hunter2" not in str(vars(warning)) for warning in logged.records)


def test_key_is_not_in_the_repository() -> None:
    assert "/secret.key" in (ROOT / ".gitignore").read_text().splitlines()
    history = subprocess.run(
        ["git", "log", "--all", "--format=", "--name-only"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    assert not [name for name in (history + tracked).splitlines() if name.endswith(".key")]
