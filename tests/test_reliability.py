"""docs/reliability.md has every scenario, every scenario has a test, and the figures are those that were measured."""

import re

from tests.documents import read_markdown, section, table
from tests.faults import report, scenarios
from tests.names import names_of_tests

DOCUMENT = read_markdown("reliability.md")
NAME = re.compile(r"test_r(\d+)_\w+")


def scenarios_in_the_table() -> list[int]:
    return [int(row["#"].removeprefix("R")) for row in table(section(DOCUMENT, "The scenarios"), "#")]


def scenarios_of_tests() -> set[int]:
    """Those after which a test is named."""
    return {int(match[1]) for match in map(NAME.fullmatch, names_of_tests()) if match}


def test_make_faults_runs_the_scenarios_of_the_table() -> None:
    assert scenarios_in_the_table() == list(scenarios.NUMBERS)
    assert scenarios.modules().keys() <= set(scenarios.NUMBERS)


def test_every_scenario_has_a_test_that_is_named_after_it() -> None:
    missing = set(scenarios_in_the_table()) - scenarios_of_tests()
    assert not missing, f"no test_rN_… for {sorted(missing)}"


def test_every_test_that_is_named_after_a_scenario_has_it_in_the_table() -> None:
    unknown = scenarios_of_tests() - set(scenarios_in_the_table())
    assert not unknown, f"docs/reliability.md lacks {sorted(unknown)}"


def test_every_module_of_a_scenario_has_its_parts() -> None:
    for number in scenarios.modules():
        scenario = scenarios.load(number)
        assert scenario.TITLE and type(scenario.QUICK) is type(scenario.FULL), number
        assert scenario.QUICK != scenario.FULL


def test_the_figures_in_the_document_are_those_that_were_kept() -> None:
    assert report.with_table(DOCUMENT, report.read()) == DOCUMENT, "run make faults, or python -m tests.faults.report"


def test_no_kept_figure_tells_of_a_failure_or_of_an_offer_without_an_outcome() -> None:
    for number, result in report.read().items():
        assert result.passed, f"R{number} failed: {result.figures}"
        assert result.figures.get("unaccounted", 0) == 0, f"R{number}"
