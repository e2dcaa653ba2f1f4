import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.errors import ConfigError
from songmood.loading.sampler import EvaluationBatches, Shard, SplitWindows, TrainingBatches, current_shard
from songmood.loading.split import SplitTracks
from songmood.loading.windows import CentreWindow, FreshWindows, RandomWindows, Sampling

ALONE = Shard(0, 1)
SIZES = (st.integers(1, 60), st.integers(1, 9), st.integers(1, 4))


def split(size: int, sampling: Sampling | None = None) -> SplitWindows:
    ids = tuple(f"track {number}" for number in range(size))
    length = np.arange(size) * 10 + 500
    tracks = SplitTracks("validation", ids, np.cumsum(length) - length, length, np.zeros((size, 1), np.uint8), None)
    return SplitWindows(tracks, sampling or CentreWindow(), 100)


def training(windows: SplitWindows, size: int, epoch: int = 0, shard: Shard = ALONE, seed: int = 0) -> list:  # type: ignore[type-arg]
    batches = TrainingBatches(windows, size, seed, lambda: epoch, lambda: shard)
    taken = list(batches)
    assert len(taken) == len(batches)
    return taken


def evaluation(windows: SplitWindows, size: int, shard: Shard = ALONE) -> list:  # type: ignore[type-arg]
    batches = EvaluationBatches(windows, size, lambda: shard)
    taken = list(batches)
    assert len(taken) == len(batches)
    return taken


def windows_of(batches: list) -> list[int]:  # type: ignore[type-arg]
    return [int(window) for batch in batches for window in batch.window]


@given(*SIZES[:2])
def test_an_epoch_of_training_holds_every_window_once(size: int, batch_size: int) -> None:
    batches = training(split(size, RandomWindows(per_track=2)), batch_size)
    assert sorted(windows_of(batches)) == list(range(2 * size))
    assert {len(batch.window) for batch in batches[:-1]} <= {batch_size}
    assert 0 < len(batches[-1].window) <= batch_size  # smaller, not dropped


def test_picks_say_where_their_windows_are() -> None:
    windows = split(7, FreshWindows(per_track=3, seed=5))
    drawn = windows.draw(epoch=2)
    for batch in training(windows, 4, epoch=2):
        assert batch.track.tolist() == drawn.track[batch.window].tolist()
        assert batch.start.tolist() == drawn.start[batch.window].tolist()


def test_the_order_of_training_is_that_of_its_seed_and_epoch() -> None:
    windows = split(50)
    assert windows_of(training(windows, 8, 3)) == windows_of(training(windows, 8, 3))
    assert windows_of(training(windows, 8, 3)) != windows_of(training(windows, 8, 4))
    assert windows_of(training(windows, 8, 3)) != windows_of(training(windows, 8, 3, seed=1))
    assert windows_of(training(windows, 8, 3)) == windows_of(training(windows, 5, 3))


def test_the_epoch_is_asked_for_at_each_pass() -> None:
    epochs = iter([0, 1])
    batches = TrainingBatches(split(50, FreshWindows(per_track=1)), 50, 0, lambda: next(epochs))
    (first,), (second,) = list(batches), list(batches)
    assert first.window.tolist() != second.window.tolist()
    assert first.start[np.argsort(first.window)].tolist() != second.start[np.argsort(second.window)].tolist()


@given(*SIZES, st.integers(0, 5))
def test_tracks_can_be_kept_together(size: int, batch_size: int, processes: int, epoch: int) -> None:
    windows = split(size * processes, RandomWindows(per_track=3))
    shards = [
        list(TrainingBatches(windows, batch_size, 0, lambda: epoch, lambda r=rank: Shard(r, processes), True))
        for rank in range(processes)
    ]
    assert len({len(shard) for shard in shards}) == 1
    order = [int(track) for step in zip(*shards, strict=True) for batch in step for track in batch.track]
    changes = sum(left != right for left, right in itertools.pairwise(order))
    assert changes == size * processes - 1  # each track is met once, with all its windows
    assert sorted(windows_of([batch for shard in shards for batch in shard])) == list(range(3 * size * processes))
    assert len({len(batch.window) for batch in (shard[0] for shard in shards)}) == 1


def test_tracks_that_are_kept_together_come_in_another_order_in_each_epoch() -> None:
    windows = split(20, FreshWindows(per_track=2))
    orders = [
        [
            int(track)
            for batch in TrainingBatches(windows, 8, 0, lambda e=e: e, lambda: ALONE, True)
            for track in batch.track
        ]
        for e in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


@given(*SIZES)
def test_processes_take_together_what_one_process_takes(size: int, batch_size: int, processes: int) -> None:
    windows = split(size * processes)
    shards = [training(windows, batch_size, 1, Shard(rank, processes)) for rank in range(processes)]
    alone = training(windows, batch_size * processes, 1)
    assert len({len(shard) for shard in shards}) == 1
    for step, whole in enumerate(alone):
        parts = [shard[step].window for shard in shards]
        assert len({len(part) for part in parts}) == 1  # equal weights for their gradients
        assert sorted(np.concatenate(parts)) == sorted(whole.window)


@given(*SIZES)
def test_processes_that_do_not_divide_the_windows_repeat_the_fewest(size: int, batch_size: int, processes: int) -> None:
    shards = [training(split(size), batch_size, 0, Shard(rank, processes)) for rank in range(processes)]
    assert len({tuple(len(batch.window) for batch in shard) for shard in shards}) == 1
    counts = Counter(window for shard in shards for window in windows_of(shard))
    assert set(counts) == set(range(size))
    assert counts.total() - size == -size % processes


@given(*SIZES)
def test_processes_evaluate_each_window_once_in_equally_many_batches(
    size: int, batch_size: int, processes: int
) -> None:
    windows = split(size, RandomWindows(per_track=2))
    try:
        shards = [evaluation(windows, batch_size, Shard(rank, processes)) for rank in range(processes)]
    except ConfigError:
        batches_each = math.ceil(math.ceil(2 * size / processes) / batch_size)
        assert 2 * size // processes < batches_each  # some process would have an empty batch
        return
    assert [window for shard in shards for window in windows_of(shard)] == list(range(2 * size))
    assert len({len(shard) for shard in shards}) == 1
    sizes = [len(batch.window) for shard in shards for batch in shard]
    assert 0 < min(sizes) <= max(sizes) <= batch_size


def test_evaluation_takes_no_more_batches_than_it_must() -> None:
    assert len(evaluation(split(3_802), 256)) == 15


def test_evaluation_windows_are_those_of_the_first_epoch() -> None:
    windows = split(9, FreshWindows(per_track=1, seed=2))
    for _ in range(2):
        (batch,) = evaluation(windows, 20)
        assert batch.start.tolist() == windows.draw(0).start.tolist()
        assert batch.track.tolist() == list(range(9))


@pytest.mark.parametrize(("size", "batch_size", "processes"), [(1, 4, 2), (3, 1, 2)])
def test_too_few_windows_for_the_processes_are_refused(size: int, batch_size: int, processes: int) -> None:
    message = f"the validation split has {size} windows, .* {processes} processes .*evaluation_batch_size={batch_size};"
    with pytest.raises(ConfigError, match=message):
        evaluation(split(size), batch_size, Shard(0, processes))


def test_a_process_on_its_own_is_the_only_one() -> None:
    assert current_shard() == Shard(0, 1)


def test_a_process_of_a_distributed_run_knows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"is_initialized": True, "get_rank": 1, "get_world_size": 3}.items():
        monkeypatch.setattr(f"torch.distributed.{name}", lambda value=value: value)
    assert current_shard() == Shard(rank=1, processes=3)
