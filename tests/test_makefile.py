"""What `make` says on a machine that cannot run the project, and what it repairs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A directory with our Makefile, and with locks that lock nothing, so that installing them needs no network."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "requirements-uvicorn.txt").touch()
    (tmp_path / "requirements-test.txt").touch()
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=50, check=False)


def fake_python(clone: Path, script: str) -> str:
    """An interpreter that does what the shell script says, and else what the real one does."""
    python = clone / "bin" / "python-fake"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\n{script}\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(python)


def complaints(finished: subprocess.CompletedProcess[str]) -> list[str]:
    """What was written to standard error, without make's own last word."""
    return [line for line in finished.stderr.splitlines() if not line.startswith("make: ***")]


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_without_the_venv_module_one_line_names_the_package(clone: Path, module: str) -> None:
    python = fake_python(clone, f'test "$1 $2" = "-m {module}" && {{ echo "No module named {module}" >&2; exit 1; }}')
    finished = make(clone, "environment", f"PYTHON={python}")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert finished.returncode == 2
    assert complaints(finished) == [
        f"{python} lacks the venv module: install it (on Debian and Ubuntu: apt-get install {version}-venv)"
    ]
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.14", "2.7"])
def test_another_version_of_python_is_refused_in_one_line(clone: Path, version: str) -> None:
    python = fake_python(clone, f'test "$1" = "-c" && {{ echo {version}; exit; }}')
    finished = make(clone, "run", f"PYTHON={python}")
    assert finished.returncode == 2
    assert complaints(finished) == [
        f"Python 3.11, 3.12 or 3.13 is needed, and {python} is {version}: name one, as in make run PYTHON=python3.12"
    ]


def test_a_missing_python_is_told_in_one_line(clone: Path) -> None:
    finished = make(clone, "environment", "PYTHON=python-that-is-not-there")
    assert finished.returncode == 2
    [complaint] = complaints(finished)
    assert "python-that-is-not-there is not there" in complaint


@pytest.fixture
def quick_python(clone: Path) -> str:
    """An interpreter whose environments are made at once; their pip fails while there is a file `pip-fails`."""
    environment = "rm -rf .venv && mkdir -p .venv/bin"
    its_python = r"printf '#!/bin/sh\ntest ! -e pip-fails\n' > .venv/bin/python && chmod +x .venv/bin/python"
    return fake_python(clone, f'test "$*" = "-m venv --clear .venv" && {{ {environment} && {its_python}; exit; }}')


def test_the_distributions_python_is_taken(clone: Path, quick_python: str) -> None:
    assert make(clone, "environment", f"SYSTEM_PYTHON={quick_python}", "PYTHON=").returncode == 0
    assert is_made_by_quick_python(clone)


@pytest.mark.parametrize("unfit", ["python-that-is-not-there", "false"])
def test_the_one_in_the_path_is_taken_when_that_does_not_suit(
    clone: Path, quick_python: str, unfit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_path = Path(quick_python).with_name("python3")
    in_the_path.symlink_to(quick_python)
    monkeypatch.setenv("PATH", f"{in_the_path.parent}:{os.environ['PATH']}")
    assert make(clone, "environment", f"SYSTEM_PYTHON={unfit}", "PYTHON=").returncode == 0
    assert is_made_by_quick_python(clone)


def is_made_by_quick_python(clone: Path) -> bool:
    return (clone / ".venv" / "bin" / "python").read_text().startswith("#!/bin/sh")


def test_nothing_is_installed_twice(clone: Path, quick_python: str) -> None:
    first = make(clone, "test-environment", f"PYTHON={quick_python}")
    assert "requirements-test.txt" in first.stdout and first.returncode == 0
    again = make(clone, "environment", "uvicorn", "test-environment", f"PYTHON={quick_python}")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_changed_locks_are_installed_into_the_same_environment(clone: Path, quick_python: str) -> None:
    make(clone, "environment", f"PYTHON={quick_python}")
    kept = clone / ".venv" / "kept"
    kept.touch()
    os.utime(clone / ".venv" / "running", times=(0, 0))  # older than requirements.txt by more than any clock's tick
    assert "requirements.txt" in make(clone, "environment", f"PYTHON={quick_python}").stdout
    assert kept.exists()


def test_what_an_interrupted_installation_left_is_made_anew(clone: Path, quick_python: str) -> None:
    make(clone, "environment", f"PYTHON={quick_python}")
    left_over = clone / ".venv" / "left-over"
    left_over.touch()
    interruption = clone / "pip-fails"
    interruption.touch()
    assert make(clone, "test-environment", f"PYTHON={quick_python}").returncode == 2
    interruption.unlink()
    assert make(clone, "environment", f"PYTHON={quick_python}").returncode == 0
    assert not left_over.exists()


def test_uvicorn_is_installed_in_place_of_what_the_server_needs_or_after_it(clone: Path, quick_python: str) -> None:
    assert "requirements-uvicorn.txt" in make(clone, "uvicorn", f"PYTHON={quick_python}").stdout
    assert make(clone, "environment", f"PYTHON={quick_python}").stdout == ""


def test_the_extra_asks_for_what_is_locked() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["uvicorn"]
    asked = (ROOT / "requirements-uvicorn.in").read_text().splitlines()
    assert sorted(extra) == [line for line in asked if not line.startswith(("#", "-r "))]


def test_dialling_nobody_is_refused_in_one_line(clone: Path) -> None:
    finished = make(clone, "dial")
    assert finished.returncode == 2
    assert complaints(finished) == ["make dial needs to know whom: make dial TO=<identifier>"]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-uvicorn.txt", "requirements-test.txt"])
def test_locks_pin_versions_and_hashes_and_name_no_index(lock: str) -> None:
    requirements = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    pinned = [line for line in requirements if line and not line.lstrip().startswith("#")]
    assert pinned
    for requirement in pinned:
        assert re.match(r"[a-z0-9.\-]+(\[[a-z0-9,_-]+\])?==\S+ ", requirement), requirement
        assert "--hash=sha256:" in requirement
        assert "://" not in requirement
