"""Several pytest processes share the tests: each takes the next file that none has taken yet.

    pytest -p tests.sharing --claims=FOLDER

The folder is the same for all of them, and empty in the beginning. Tests with a conftest.py of their own are taken as
a whole, for they may share a server.
"""

from itertools import chain, pairwise
from pathlib import Path

import pytest

from tests.secondtry import Failures

TESTS = Path(__file__).parent
SLOW = (
    *("browser", "programs", "rtc", "faults"),
    *("test_logs.py", "test_storms.py", "test_peaks.py", "test_benchmarked_servers.py", "test_benchmarks.py"),
    *("server", "test_settings.py", "test_checks.py", "test_commandline.py", "test_makefile.py"),
)
"""Folders and files whose tests wait for servers, commands or a browser, and which are shared: those that are taken as
a whole and take long begin early."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--claims`."""
    parser.addoption("--claims", type=Path, required=True, help="where processes note what they have taken")


def pytest_configure(config: pytest.Config) -> None:
    """Lets this process do its share, and note what fails."""
    claims = config.getoption("claims")
    config.pluginmanager.register(Share(claims))
    config.pluginmanager.register(Failures(claims))


class Share:
    """What one of the processes has taken."""

    def __init__(self, claims: Path) -> None:
        self._claims = claims
        self._is_taken: dict[Path, bool] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What is not shared comes first, then one after the other; within that the order stays as random as it is."""
        items.sort(key=lambda item: rank(item.path))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """As pytest's own, which does what is no running of tests, but over what is this process's.

        What a test leaves set up is what the next one needs too, so the next one must be ours when this one runs.
        """
        if session.testsfailed or session.config.option.collectonly:
            return None
        ours = (item for item in session.items if self.takes(unit(item.path)))
        for item, following in pairwise(chain(ours, [None])):
            assert item is not None
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        return True

    def takes(self, unit: Path) -> bool:
        """Whether it is this process's, from now on."""
        if unit not in self._is_taken:
            self._is_taken[unit] = self._claim(unit)
        return self._is_taken[unit]

    def _claim(self, unit: Path) -> bool:
        """A directory is made by one process only, whoever else tries at the same time."""
        try:
            (self._claims / ".".join(unit.parts)).mkdir()
        except FileExistsError:
            return False
        return True


def unit(test: Path) -> Path:
    """What is taken together with a test's file: the folder, if it has a conftest.py."""
    whole = test.parent if (test.parent / "conftest.py").exists() else test
    return whole.relative_to(TESTS)


def rank(test: Path) -> int:
    """Where it, or its folder, stands among the slow ones; 0 if it is none of them."""
    first = test.relative_to(TESTS).parts[0]
    return 1 + SLOW.index(first) if first in SLOW else 0
