"""What songmood wrote before its rooms were moved still opens, and gives the same."""

import gzip
import json
import os
import shutil
import sys
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest

from songmood.cache.read import MelCache
from songmood.config import MOVED, build, renamed
from songmood.corpora.folder import FolderCorpus
from tiny import folder_overrides, run, train_here, write_corpus

WRITTEN = Path(__file__).parent / "written_by_0_1_0"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    root = write_corpus(tmp_path / "corpus", num_frames=100, sizes={"train": 4, "validation": 3, "test": 3})
    for file in root.rglob("*.npy"):
        os.utime(file, (1_500_000_000, 1_500_000_000))  # the cache's source tells of times
    return root


@pytest.fixture
def cache(corpus: Path) -> Path:
    path = corpus / "cache.h5"
    path.write_bytes(gzip.decompress((WRITTEN / "cache.h5.gz").read_bytes()))
    return path


def test_the_cache_opens_and_a_new_one_has_the_same_bytes(corpus: Path, cache: Path) -> None:
    earlier = cache.read_bytes()
    assert len(MelCache.open(cache).track_ids) == 10
    cache.unlink()
    FolderCorpus(corpus, cache_path=cache, workers=0).open()
    assert cache.read_bytes() == earlier


def test_the_checkpoint_scores_what_it_scored(corpus: Path, cache: Path, tmp_path: Path) -> None:
    done = run(
        [sys.executable, "evaluate.py", f"checkpoint={WRITTEN / 'last.ckpt'}", *folder_overrides(corpus),
         "trainer=cpu", "threads=1", f"hydra.run.dir={tmp_path / 'out'}"]
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "out" / "predictions.npy"), np.load(WRITTEN / "predictions.npy"), atol=1e-6
    )
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "decisions.npy"), np.load(WRITTEN / "decisions.npy"))


def test_the_run_goes_on_from_its_checkpoint(corpus: Path, cache: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copy(WRITTEN / "last.ckpt", tmp_path / "last.ckpt")
    train_here(corpus, tmp_path / "run", "data=random", f"ckpt_path={checkpoint}", "trainer.max_epochs=3")
    assert (tmp_path / "run" / "metrics.json").is_file()


def test_the_stored_configuration_builds_its_corpus(corpus: Path) -> None:
    stored = json.loads((WRITTEN / "provenance.json").read_text(encoding="utf-8"))["config"]["corpus"]
    assert stored["_target_"] == "songmood.data.folder.FolderCorpus"
    assert isinstance(build(stored | {"root": str(corpus)}), FolderCorpus)


def test_every_moved_name_leads_to_what_is_there() -> None:
    for old, new in MOVED.items():
        assert renamed({"_target_": f"{old}.Thing"}) == {"_target_": f"{new}.Thing"}
        assert resolve_name(new)
