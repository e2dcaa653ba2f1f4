import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from songmood.cache.read import MelCache
from songmood.loading.batch import Batch
from songmood.loading.gather import HostWindows, ResidentWindows
from songmood.loading.loader import AHEAD, Loader
from songmood.loading.sampler import EvaluationBatches, SplitWindows, TrainingBatches
from songmood.loading.split import SplitTracks, read_split
from songmood.loading.windows import FreshWindows
from tiny_cache import tiny_cache

WINDOW, SIZE, PER_TRACK = 64, 8, 30
TRACKS = {"a": 300, "b": 120, "c": 0, "d": 40, "e": 200}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> MelCache:
    return tiny_cache(tmp_path_factory.mktemp("cache") / "tiny.h5", TRACKS, ("tempo", "loudness"))


@pytest.fixture(scope="module")
def tracks(cache: MelCache) -> SplitTracks:
    return read_split(cache, "train", ["d", "a", "e", "c", "b"])


def training(tracks: SplitTracks, epochs: Iterator[int] | None = None) -> TrainingBatches:
    windows = SplitWindows(tracks, FreshWindows(per_track=PER_TRACK, seed=3), WINDOW)
    return TrainingBatches(windows, SIZE, 0, (lambda: 0) if epochs is None else lambda: next(epochs))


@pytest.fixture
def parallel(cache: MelCache, tracks: SplitTracks) -> Loader:
    return Loader(HostWindows(cache, tracks, WINDOW), training(tracks), num_workers=2)


def resident(cache: MelCache, tracks: SplitTracks, batches: TrainingBatches | EvaluationBatches) -> Loader:
    cpu = torch.device("cpu")
    return Loader(ResidentWindows(cache, tracks, WINDOW, cpu), batches)


def assert_same(left: list[Batch], right: list[Batch]) -> None:
    assert len(left) == len(right) > 0
    for a, b in zip(left, right, strict=True):
        for name, x, y in zip(Batch._fields, a, b, strict=True):
            assert x.dtype == y.dtype, name
            assert x.stride() == y.stride(), name
            torch.testing.assert_close(x, y, rtol=0, atol=0, equal_nan=True)


def copied(loader: Loader) -> list[Batch]:
    return [Batch(*(tensor.clone() for tensor in batch)) for batch in loader]


def test_a_batch_says_what_its_windows_are(cache: MelCache, tracks: SplitTracks) -> None:
    batches = training(tracks)
    drawn = batches.windows.draw(0)
    loader = Loader(HostWindows(cache, tracks, WINDOW), batches)
    assert len(loader) == len(list(loader)) == 15
    for batch in loader:
        assert batch.mel.shape == (SIZE, 1, 96, WINDOW)
        assert batch.mel[:, 0].stride() == (96 * WINDOW, 1, 96)
        assert batch.mel.dtype == torch.float16
        number = torch.tensor([3, 0, 4, 1])[batch.track]  # of the tracks that were not left out, in the split's order
        assert torch.equal(batch.mel[:, 0, 0, 0], number.half())
        assert batch.mel[:, 0, 1, 0].tolist() == drawn.start[batch.window].tolist()
        assert batch.track.tolist() == drawn.track[batch.window].tolist()
        assert batch.target.dtype == torch.float32
        assert torch.equal(batch.target, torch.stack([(number + 1) >> bit & 1 for bit in range(3)], dim=1).float())
        assert batch.features is not None
        assert batch.features.dtype == torch.float32
        assert torch.equal(batch.features[:, 0], number.float())
        assert torch.equal(batch.features[:, 1].isnan(), number == 1)


def test_batches_are_the_same_whoever_gathers_them(cache: MelCache, tracks: SplitTracks, parallel: Loader) -> None:
    alone = list(Loader(HostWindows(cache, tracks, WINDOW), training(tracks)))
    assert_same(alone, copied(parallel))
    assert_same(alone, list(resident(cache, tracks, training(tracks))))


def test_batches_that_are_kept_are_not_overwritten(cache: MelCache, tracks: SplitTracks, parallel: Loader) -> None:
    kept = list(parallel)
    assert_same(list(Loader(HostWindows(cache, tracks, WINDOW), training(tracks))), kept)
    assert_same(kept, list(parallel))


def test_memory_is_used_again(parallel: Loader) -> None:
    memory = {batch.mel.data_ptr() for _ in range(3) for batch in parallel}
    assert len(memory) <= 2 * AHEAD + 2  # in work, in use, and the one that was in use until the next came


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("windows")]


def test_threads_read_ahead_and_end_with_the_pass(parallel: Loader) -> None:
    batches = iter(parallel)
    next(batches)
    assert 0 < len(readers()) <= 2
    list(batches)
    assert not readers()


def test_a_pass_that_was_broken_off_leaves_no_thread_and_the_next_one_is_whole(
    cache: MelCache, tracks: SplitTracks, parallel: Loader
) -> None:
    batches = iter(parallel)
    next(batches)
    del batches
    assert not readers()
    assert_same(list(Loader(HostWindows(cache, tracks, WINDOW), training(tracks))), copied(parallel))


def test_a_window_that_cannot_be_read_ends_the_pass_with_the_reason(
    tracks: SplitTracks, parallel: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> torch.Tensor:
        raise OSError("the disk is gone")

    monkeypatch.setattr(HostWindows, "gather", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        list(parallel)
    assert not readers()


def test_a_pass_follows_the_epoch(cache: MelCache, tracks: SplitTracks) -> None:
    windows = HostWindows(cache, tracks, WINDOW)
    loader = Loader(windows, training(tracks, iter([0, 1])), num_workers=1)
    alone = Loader(windows, training(tracks, iter([0, 1])))
    first, second = copied(alone), copied(alone)
    assert_same(first, copied(loader))
    assert_same(second, copied(loader))
    assert first[0].window.tolist() != second[0].window.tolist()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_loading_does_not_draw_from_the_generator_of_dropout(
    cache: MelCache, tracks: SplitTracks, num_workers: int
) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    loader = Loader(HostWindows(cache, tracks, WINDOW), training(tracks), num_workers=num_workers)
    list(loader)
    list(resident(cache, tracks, training(tracks)))
    assert torch.equal(torch.get_rng_state(), state)


def test_evaluation_passes_are_all_the_same(cache: MelCache, tracks: SplitTracks) -> None:
    windows = SplitWindows(tracks, FreshWindows(per_track=2), WINDOW)
    loader = resident(cache, tracks, EvaluationBatches(windows, 3))
    first, second = list(loader), list(loader)
    assert_same(first, second)
    assert torch.cat([batch.window for batch in first]).tolist() == list(range(8))


def test_a_corpus_without_features_gives_batches_without(tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tiny_cache(tmp_path_factory.mktemp("plain") / "tiny.h5", {"a": 100, "b": 90})
    tracks = read_split(cache, "train", ["a", "b"])
    batches = EvaluationBatches(SplitWindows(tracks, FreshWindows(), WINDOW), 4)
    host = Loader(HostWindows(cache, tracks, WINDOW), batches)
    for batch in (*host, *resident(cache, tracks, batches)):
        assert batch.features is None
        assert np.isfinite(batch.mel.numpy()).all()
