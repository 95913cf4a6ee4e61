"""The mutants of `make mutants` fit the code and the tests there are, and whoever survives is noticed."""

import ast
from contextlib import nullcontext

import pytest

from tests.mutants import __main__ as command
from tests.mutants.__main__ import ROOT, line, main, summary, try_all
from tests.mutants.mutant import Mutant, Stale, read
from tests.mutants.trial import Fate, Outcome, Trials, files_of

MUTANTS = read()
GUARDS = {
    "address policy",
    "answerers",
    "control",
    "drain",
    "identity",
    "inbound bounds",
    "launcher",
    "memory",
    "operator",
    "origins and proxies",
    "outbound rates",
    "ownership of calls",
    "resume",
    "status page",
    "tables",
    "time",
    "traces",
    "uvicorn",
    "words of strangers",
}


def names_in(node: ast.AST) -> list[ast.AST]:
    return [child for child in ast.iter_child_nodes(node) if hasattr(child, "name")]


def exists(test: str) -> bool:
    """Whether pytest would find it: `file`, `file::test` or `file::Class::test`."""
    file, *path = test.split("::")
    if not (ROOT / file).is_file():
        return False
    node: ast.AST | None = ast.parse((ROOT / file).read_bytes())
    for name in path:
        node = next((child for child in names_in(node or ast.Pass()) if getattr(child, "name", "") == name), None)
    return node is not None


class TestTheTable:
    @pytest.mark.parametrize("mutant", MUTANTS, ids=str)
    def test_the_fence_stands_where_the_mutant_says_once_and_what_is_left_is_python(self, mutant: Mutant) -> None:
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        ast.parse(mutant.of(text))
        assert mutant.of(text) != text

    def test_the_tests_that_a_mutant_names_exist(self) -> None:
        named = {test for mutant in MUTANTS for test in mutant.tests}
        assert not {test for test in named if not exists(test)}
        assert all(mutant.tests for mutant in MUTANTS)

    def test_each_guard_has_its_mutants_and_no_two_have_one_name(self) -> None:
        assert {mutant.guard for mutant in MUTANTS} == GUARDS
        assert len({str(mutant) for mutant in MUTANTS}) == len(MUTANTS)


FENCED = """\
def admits(age):
    if age < 18:  # the law
        return False
    return True
"""
TESTED = """\
from fenced import admits


def test_the_young_are_refused():
    assert not admits(17)


def test_that_fails_anyhow():
    assert admits(17)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What becomes of some mutants of a program of four lines, by their names."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "fenced.py").write_text(FENCED)
    (tree / "test_fenced.py").write_text(TESTED)
    (tree / "pytest.ini").write_text("[pytest]\naddopts = --disable-plugin-autoload\n")
    (tree / "test_more.py").write_text(TESTED)
    test = "test_fenced.py::test_the_young_are_refused"
    mutants = [
        Mutant("age", "a child is let in", "fenced.py", "age < 18", "False", (test,)),
        Mutant("age", "the law is not named", "fenced.py", "  # the law", "", (test,)),
        Mutant("age", "the fence has gone", "fenced.py", "age < 21", "False", (test,)),
        Mutant("age", "nothing is left to run", "fenced.py", "def admits", "def admit", (test,)),
        Mutant("age", "its test fails anyhow", "fenced.py", "age < 18", "False", ("test_more.py",)),
    ]
    tried = list(try_all(mutants, Trials([tree]), jobs=1))
    assert (tree / "fenced.py").read_text() == FENCED
    return {outcome.mutant.name: outcome for outcome in tried}


class TestTheTrial:
    @pytest.mark.parametrize(
        ("name", "fate", "why"),
        [
            ("a child is let in", Fate.KILLED, "test_the_young_are_refused"),
            ("the law is not named", Fate.SURVIVED, "no test notices"),
            ("the fence has gone", Fate.STALE, "its code stands 0 times in fenced.py"),
            ("its test fails anyhow", Fate.NOT_RUN, "test_that_fails_anyhow fails without it too"),
        ],
    )
    def test_what_becomes_of_a_mutant_and_why(
        self, outcomes: dict[str, Outcome], name: str, fate: Fate, why: str
    ) -> None:
        assert (outcomes[name].fate, outcomes[name].why) == (fate, why)

    def test_tests_that_cannot_be_run_say_nothing(self, outcomes: dict[str, Outcome]) -> None:
        assert outcomes["nothing is left to run"].fate is Fate.NOT_RUN

    def test_the_last_line_counts_them_and_those_before_repeat_what_is_wrong(
        self, outcomes: dict[str, Outcome]
    ) -> None:
        *wrong, last = summary([*outcomes.values()], 7.2).splitlines()[1:]
        assert last == "5 mutants: 1 killed, 1 survived, 1 stale, 2 not run; 7 s"
        assert wrong == [line(outcome) for outcome in outcomes.values() if outcome.fate is not Fate.KILLED]


class TestTheCommand:
    @pytest.mark.parametrize("fate", [Fate.SURVIVED, Fate.STALE, Fate.NOT_RUN])
    def test_its_status_is_1_unless_all_are_killed(self, monkeypatch: pytest.MonkeyPatch, fate: Fate) -> None:
        fates = iter([fate, Fate.KILLED])
        monkeypatch.setattr(command, "_copies", lambda number: nullcontext([]))
        monkeypatch.setattr(command, "try_all", lambda mutants, *_: [Outcome(mutants[0], next(fates), "")])
        with pytest.raises(SystemExit) as end:
            main(["-k", "a loopback address"])
        assert end.value.code == 1
        main(["-k", "a loopback address"])

    def test_words_that_no_mutant_has_are_told(self) -> None:
        with pytest.raises(SystemExit, match="no mutant has nonsense or more of it in its name"):
            main(["-k", "nonsense", "-k", "more of it"])


def test_a_fence_that_stands_twice_is_stale() -> None:
    mutant = Mutant("age", "it is there twice", "fenced.py", "age", "", ("test_fenced.py",))
    with pytest.raises(Stale, match=r"its code stands 2 times in fenced\.py"):
        mutant.of(FENCED)


def test_tests_are_grouped_by_their_files() -> None:
    mutant = Mutant("age", "it has two files", "fenced.py", "age", "", ("b.py::one", "a.py", "b.py::two"))
    assert files_of(mutant) == ["a.py", "b.py"]
