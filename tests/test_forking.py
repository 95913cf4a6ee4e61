"""What is forked goes on as a program of its own would."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forking import READ_ALREADY, ROOT, Forked, completed
from tests.serverprocess import surroundings
from tests.waiting import until

WITHIN_SECONDS = 20.0
TELLING = """
import atexit, os, sys, threading
atexit.register(print, "at the exit")
print(sys.argv, os.getcwd(), os.environ.get("HERE"), __name__, threading.active_count(), repr(sys.stdin.read()))
print("complaint", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""
READING = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from django.conf import settings
print(settings.configured, "twisted.internet.reactor" in sys.modules)
"""


@pytest.fixture
def telling(tmp_path: Path) -> Path:
    file = tmp_path / "telling.py"
    file.write_text(TELLING)
    return file


@pytest.mark.parametrize("status", [0, 3])
def test_a_fork_says_and_ends_as_a_process_does(telling: Path, tmp_path: Path, status: int) -> None:
    arguments, environment = [str(telling), str(status)], {"HERE": "yes", "PATH": os.environ["PATH"]}
    forked = completed(arguments, environment, tmp_path)
    real = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)
    assert real.returncode == status and "at the exit" in real.stdout


def test_an_error_is_status_1_and_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("raise ValueError('no')")
    forked = completed(["failing.py"], {}, tmp_path)
    assert forked.returncode == 1
    assert forked.stderr.endswith("ValueError: no\n")


def test_a_module_can_be_forked_as_well() -> None:
    real = subprocess.run([sys.executable, "-m", "this"], capture_output=True, text=True, check=True)
    assert completed(["-m", "this"], {}).stdout == real.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_signal_ends_it_and_is_its_status(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "waiting.py").write_text("import signal; print('here', flush=True); signal.pause()")
    output = tmp_path / "output"
    forked = Forked(["waiting.py"], {}, output, folder=tmp_path)
    await until(lambda: output.exists() and output.read_text() == "here\n", WITHIN_SECONDS)
    assert forked.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0)
    forked.send_signal(number)
    assert forked.wait(WITHIN_SECONDS) == forked.returncode == -number
    forked.kill()


def test_what_is_read_beforehand_is_there_and_leaves_settings_and_reactor_open() -> None:
    read = subprocess.run(
        [sys.executable, "-c", READING, *READ_ALREADY], cwd=ROOT, env=surroundings(), capture_output=True, check=True
    )
    assert read.stdout == b"False False\n"
