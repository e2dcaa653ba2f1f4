"""Folders of sweeps and jobs are named by what their command says: readable, the same again, no two alike."""

from hypothesis import given
from hypothesis import strategies as st

from songmood.runs.sweeps.names import LONGEST, folder_name, jobs_of, keys_of, sweep_name

COMMAND = ["model=crnn,crnn_attn", "data=random", "seed=0,1"]


def test_a_sweep_is_called_by_what_varies_and_what_does_not_in_any_order() -> None:
    assert sweep_name(COMMAND) == sweep_name(COMMAND[::-1]) == "data=random,model,seed"


def test_a_sweep_that_is_extended_by_a_value_is_the_same_sweep() -> None:
    assert sweep_name(["model=crnn,crnn_attn,vggish", *COMMAND[1:]]) == sweep_name(COMMAND)
    assert sweep_name([COMMAND[0], "data=fresh", COMMAND[2]]) != sweep_name(COMMAND)


def test_a_sweep_of_nothing_has_a_name_too() -> None:
    assert sweep_name([]) == "defaults"


@given(st.text(max_size=300), st.text(max_size=300))
def test_folders_of_different_jobs_are_different_and_can_be_made(one: str, other: str) -> None:
    names = [folder_name(text) for text in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        assert "/" not in name
        assert 0 < len(name.encode()) <= 4 * LONGEST + 10
        assert not name.startswith(".")


def test_keys_that_vary_are_told_from_those_that_do_not() -> None:
    assert keys_of([*COMMAND, "+fold=0,1", "corpus.root=music/${fold}"]) == (
        ["model", "seed", "fold"],
        ["data", "corpus.root"],
    )


def test_the_jobs_are_those_of_hydras_sweeper() -> None:
    assert jobs_of(["model=a,b", "seed=range(2)"]) == [
        ["model=a", "seed=0"],
        ["model=a", "seed=1"],
        ["model=b", "seed=0"],
        ["model=b", "seed=1"],
    ]
