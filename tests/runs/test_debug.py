"""`debug=...` does what its name promises to users of other Lightning and Hydra templates."""

from pathlib import Path

import pytest
import yaml

import songmood
from tiny import SIZES, TINY_NET, folder_overrides, write_corpus

SMALL = ("data.window=96", "data.batch_size=4", "data.evaluation_batch_size=4", "threads=1", *TINY_NET)
SEEN = "+callbacks.seen._target_=own_parts.SeenTracks"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def debug(corpus: Path, folder: Path, option: str, *overrides: str) -> songmood.FinishedRun:
    return songmood.train([*folder_overrides(corpus), *SMALL, f"debug={option}", *overrides], folder)


def test_fdr_sees_a_batch_of_each_split(corpus: Path, tmp_path: Path) -> None:
    run = debug(corpus, tmp_path, "fdr", SEEN)
    assert [len(numbers(line)) for line in (tmp_path / "seen.txt").read_text().splitlines()] == [4]
    assert {split: scored["num_tracks"] for split, scored in run.metrics.items()} == {"validation": 4, "test": 4}
    assert SIZES["validation"] > 4


def numbers(line: str) -> list[int]:
    found: list[int] = yaml.safe_load(line)
    return found


def test_overfit_trains_on_the_same_batches_in_every_epoch_and_learns_them(corpus: Path, tmp_path: Path) -> None:
    debug(corpus, tmp_path, "overfit", SEEN, "trainer.max_epochs=4", "trainer.overfit_batches=2", "data=fresh")
    epochs = [numbers(line) for line in (tmp_path / "seen.txt").read_text().splitlines()]
    assert len(epochs) == 4
    assert all(len(epoch) == 8 and epoch == epochs[0] for epoch in epochs)


def test_without_it_epochs_differ(corpus: Path, tmp_path: Path) -> None:
    debug(corpus, tmp_path, "default", SEEN, "trainer.max_epochs=2")
    first, second = (tmp_path / "seen.txt").read_text().splitlines()
    assert first != second


def test_the_profiler_says_where_time_goes(corpus: Path, tmp_path: Path) -> None:
    profiler = f"{{_target_: pytorch_lightning.profilers.SimpleProfiler, dirpath: '{tmp_path}', filename: times}}"
    debug(corpus, tmp_path, "profiler", f"trainer.profiler={profiler}")
    assert "run_training_batch" in (tmp_path / "fit-times.txt").read_text()
