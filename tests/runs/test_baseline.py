"""The popularity baseline: the tag of most training tracks for everyone, in a run folder like any other."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from tiny import SIZES, train_here, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def test_every_track_gets_the_most_popular_training_tag(corpus: Path, tmp_path: Path) -> None:
    train_here(corpus, tmp_path, "experiment=popularity")
    expected = np.zeros((SIZES["test"], 3))
    expected[:, 2] = 1.0  # of 12 training tracks 6 are calm, 4 dark and 8 happy
    assert np.array_equal(np.load(tmp_path / "predictions.npy"), expected)
    assert np.array_equal(np.load(tmp_path / "decisions.npy"), expected.astype(bool))
    assert len(np.load(tmp_path / "validation" / "predictions.npy")) == SIZES["validation"]


@pytest.mark.parametrize("override", ["experiment=popularity", "trainer.max_epochs=1"])
def test_a_run_says_how_long_it_took(corpus: Path, tmp_path: Path, override: str) -> None:
    started = time.monotonic()
    train_here(corpus, tmp_path, override, "report_epochs=[]")
    took = time.monotonic() - started
    said = json.loads((tmp_path / "provenance.json").read_text())["seconds"]
    assert 0 <= said <= took + 0.05  # it is rounded to tenths
