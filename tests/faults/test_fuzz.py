"""The fuzz in small. `make fuzz` runs it for as long as one likes."""

from pathlib import Path

from tests.faults import r23_fuzz
from tests.faults.attempts import Attempt
from tests.faults.findings import assert_all_accounted
from tests.faults.fuzzing import corpora, mutations


async def test_r23_bad_inputs_and_mutations_of_them_upset_nobody() -> None:
    found = await r23_fuzz.run(r23_fuzz.QUICK)
    assert found["survived"] == found["faults injected"]
    assert int(found["faults injected"]) > len(corpora(23)), "some were mutations"
    assert_all_accounted(found)


def test_the_same_seed_makes_the_same_inputs() -> None:
    def first(seed: int) -> list[Attempt]:
        return corpora(seed) + [attempt for attempt, _ in zip(mutations(seed), range(300), strict=False)]

    assert first(7) == first(7)
    assert first(7) != first(8)


def test_an_input_that_was_kept_is_read_back_as_it_was(tmp_path: Path) -> None:
    for attempt, _ in zip(mutations(7), range(50), strict=False):
        attempt.write(tmp_path / "kept.json")
        assert Attempt.read(tmp_path / "kept.json") == attempt
