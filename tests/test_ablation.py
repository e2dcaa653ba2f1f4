"""The ablation: its rows differ from each other by one part, and it goes on where it was."""

from pathlib import Path

import pytest

from songmood.runs.configuration import compose_config, plain
from tiny import ROOT, TINY_NET, folder_overrides, write_corpus

TINY = [*TINY_NET, "data.window=96", "trainer.max_epochs=1", "data.batch_size=8", "logger=none"]


@pytest.fixture(autouse=True)
def ablation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def composed(*overrides: str) -> dict:
    config = plain(compose_config("train", overrides), resolve=False)
    return {group: config[group] for group in config if group not in ("name", "logger", "callbacks")}


def changed(a: dict, b: dict) -> set[str]:
    return {group for group in a if a[group] != b[group]}


def test_the_full_recipe_is_that_of_the_experiment() -> None:
    from benchmarks.ablation import FULL, QUIET, Job

    assert composed(*Job("crnn", FULL, 0).overrides()) == composed("experiment=[crnn_modern,small]", *QUIET)


def test_each_row_has_one_part_more_or_less_than_the_end_of_the_table_that_it_is_compared_with() -> None:
    from benchmarks.ablation import FULL, PAPER, PARTS, Job, recipes

    where = {
        "crops": {"data", "trainer"},
        "whole": {"data"},
        "standardise": {"model"},
        "weighted_bce": {"loss"},
        "mixup": {"augment"},
        "spec_augment": {"augment"},
        "cosine": {"scheduler"},
        "swa": {"averaging"},
    }
    paper, full = (composed(*Job("crnn_attn", end, 1).overrides()) for end in (PAPER, FULL))
    for recipe in recipes():
        row = composed(*Job("crnn_attn", recipe, 1).overrides())
        if recipe not in (PAPER, FULL):
            end = paper if recipe.startswith("+") else full
            assert changed(row, end) == where[recipe.removeprefix(FULL)[1:]], recipe
    assert set(where) == set(PARTS)


def test_every_row_sees_as_many_frames() -> None:
    from benchmarks.ablation import FULL, PAPER, Job

    seen = []
    for recipe in (PAPER, FULL):
        config = composed(*Job("crnn", recipe, 0).overrides())
        data = config["data"]
        seen.append(data["window"] * data["sampling"]["per_track"] * config["trainer"]["max_epochs"])
    assert seen[0] == seen[1]


def test_a_killed_ablation_trains_what_is_missing_and_its_table_shows_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import ablation, ablation_table

    corpus = folder_overrides(write_corpus(tmp_path / "corpus"))
    asked = [
        *corpus,
        *TINY,
        "--folder",
        str(tmp_path),
        "--models",
        "crnn",
        "--recipes",
        "paper",
        "full",
        "--seeds",
        "1",
    ]
    ablation.main([*asked, "--members", "1"])
    first = (tmp_path / "crnn" / "paper" / "seed-0" / "provenance.json").read_bytes()
    (tmp_path / "crnn" / "full" / "seed-0" / "provenance.json").unlink()
    capsys.readouterr()
    ablation.main([*asked, "--members", "2"])
    trained = [
        line.split("]")[1].split(":")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("[")
    ]
    assert trained == [" crnn full, seed 0", " crnn full, seed 1"]
    assert (tmp_path / "crnn" / "paper" / "seed-0" / "provenance.json").read_bytes() == first
    ablation_table.main(["--folder", str(tmp_path), "--picture", str(tmp_path / "ablation.png")])
    shown = capsys.readouterr().out
    assert "| crnn | full | 2 | 0." in shown
    assert "| 2 | 0." in shown.partition("ensembles of crnn")[2]
    assert (tmp_path / "ablation.png").is_file()
