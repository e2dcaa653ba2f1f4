import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from songmood.cache.read import MelCache
from songmood.errors import ConfigError, CorpusError
from songmood.loading.batch import Batch
from songmood.loading.datamodule import MoodDataModule
from songmood.loading.gather import HostWindows, ResidentWindows, _copy_frames
from songmood.loading.split import SplitTracks, Stretches
from songmood.loading.windows import AllWindows, CentreWindow, FreshWindows, RandomWindows
from songmood.tracks import Track
from tiny_cache import tiny_cache

SPLITS = {"train": ["e", "a", "c", "b"], "validation": ["d", "g"], "test": ["f", "h"]}
LENGTHS = {"a": 300, "b": 120, "c": 0, "d": 70, "e": 200, "f": 150, "g": 90, "h": 64}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> MelCache:
    return tiny_cache(tmp_path_factory.mktemp("cache") / "tiny.h5", LENGTHS, ("tempo", "loudness"))


Make = Callable[..., MoodDataModule]


class Untouched:
    """A corpus that must not be asked for anything yet."""

    @property
    def splits(self) -> dict[str, list[Track]]:
        raise AssertionError

    def open(self) -> MelCache:
        raise AssertionError


@pytest.fixture
def make(cache: MelCache) -> Make:
    def made(**changes: Any) -> MoodDataModule:
        values = {"sampling": FreshWindows(per_track=4), "window": 64, "batch_size": 5, "seed": 0}
        return MoodDataModule(cache=cache, splits=SPLITS, **values | changes)

    return made


class Net(pl.LightningModule):
    """Learns a little and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(96, 3)
        self.seen: dict[str, list[Batch]] = {"train": [], "validation": [], "test": []}
        self.epochs: list[list[list[int]]] = []

    def loss(self, batch: Batch) -> torch.Tensor:
        logits = self.linear(batch.mel.float().mean(dim=(1, 3)) / 100)
        return nn.functional.binary_cross_entropy_with_logits(logits, batch.target)

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: Batch) -> torch.Tensor:
        assert isinstance(batch, Batch)
        self.seen["train"].append(batch)
        self.epochs[-1].append([batch.window.tolist(), batch.mel[:, 0, 1, 0].tolist()])
        return self.loss(batch)

    def validation_step(self, batch: Batch) -> None:
        self.seen["validation"].append(batch)

    def test_step(self, batch: Batch) -> None:
        self.seen["test"].append(batch)

    def predict_step(self, batch: Batch) -> torch.Tensor:
        self.seen["test"].append(batch)
        return batch.track

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder: Path, max_epochs: int = 1, **more: Any) -> pl.Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "barebones": False}
    hardware = {"accelerator": "cpu", "devices": 1, "use_distributed_sampler": False, "num_sanity_val_steps": 0}
    return pl.Trainer(default_root_dir=folder, max_epochs=max_epochs, **quiet | hardware | more)


def windows_of(batches: list[Batch]) -> list[int]:
    return torch.cat([batch.window for batch in batches]).tolist()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_trainer_sees_every_window_of_every_split(make: Make, tmp_path: Path, num_workers: int) -> None:
    net, data = Net(), make(num_workers=num_workers)
    run = trainer(tmp_path, enable_checkpointing=False)
    run.fit(net, datamodule=data)
    run.test(net, datamodule=data, verbose=False)
    assert len(net.seen["train"]) == 3
    assert sorted(windows_of(net.seen["train"])) == list(range(12))
    assert windows_of(net.seen["validation"]) == list(range(8))
    assert windows_of(net.seen["test"]) == [0, 1]
    assert net.seen["test"][0].track.tolist() == [0, 1]
    assert net.seen["test"][0].mel[:, 0, 1, 0].tolist() == [(150 - 64) // 2, 0]  # the centre


def test_prediction_covers_the_test_split(make: Make, tmp_path: Path) -> None:
    net = Net()
    trainer(tmp_path).predict(net, datamodule=make(test_sampling=AllWindows(hop=50)))
    assert torch.cat([batch.track for batch in net.seen["test"]]).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_any_split_can_be_predicted_its_windows_drawn_as_the_test_splits(
    make: Make, tmp_path: Path, split: str
) -> None:
    net, data = Net(), make(predict_split=split, test_sampling=AllWindows(hop=64), batch_size=3)
    predicted = trainer(tmp_path).predict(net, datamodule=data)
    ids = [data.track_ids[split][int(row)] for batch in predicted or [] for row in batch]  # type: ignore[union-attr]
    windows = {track: 1 + -(-(LENGTHS[track] - 64) // 64) for track in data.track_ids[split]}
    assert ids == [track for track, count in windows.items() for _ in range(count)]


def test_a_corpus_of_any_kind_is_opened_when_it_is_needed(cache: MelCache) -> None:
    class Corpus:
        opened = 0
        splits = {  # noqa: RUF012
            split: [Track(name, "artist", "album", f"{name}.mp3", 1.0, ()) for name in names]
            for split, names in SPLITS.items()
        }

        def open(self) -> MelCache:
            self.opened += 1
            return cache

    corpus = Corpus()
    data = MoodDataModule(corpus, window=64)
    assert corpus.opened == 0
    assert data.track_ids["train"] == ("e", "a", "b")
    (batch,) = data.val_dataloader()
    assert batch.mel[:, 0, 1, 0].tolist() == [3, 13]  # the centre, where nothing is said
    assert corpus.opened == 1


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_resumed_run_sees_the_batches_that_the_undisturbed_one_sees(
    make: Make, tmp_path: Path, num_workers: int, killed_after: int
) -> None:
    whole, first, rest = (Net() for _ in range(3))
    for net in (first, rest):
        net.load_state_dict(whole.state_dict())
    trainer(tmp_path, 4, enable_checkpointing=False).fit(whole, datamodule=make(num_workers=num_workers))
    interrupted = trainer(tmp_path, killed_after, enable_checkpointing=False)
    interrupted.fit(first, datamodule=make(num_workers=num_workers))
    interrupted.save_checkpoint(tmp_path / "last.ckpt")
    resumed = trainer(tmp_path, 4, enable_checkpointing=False)
    resumed.fit(rest, datamodule=make(num_workers=num_workers), ckpt_path=tmp_path / "last.ckpt")
    assert first.epochs + rest.epochs == whole.epochs
    assert len(whole.epochs) == 4
    assert all(earlier != later for earlier, later in zip(whole.epochs, whole.epochs[1:], strict=False))
    assert torch.equal(rest.linear.weight, whole.linear.weight)


def test_validation_windows_stay_while_training_windows_change(make: Make, tmp_path: Path) -> None:
    net = Net()
    trainer(tmp_path, 2, enable_checkpointing=False).fit(net, datamodule=make())
    first, second = net.seen["validation"]
    assert torch.equal(first.mel, second.mel)


def test_validation_may_be_sampled_its_own_way(make: Make) -> None:
    (batch,) = make(validation_sampling=CentreWindow()).val_dataloader()
    assert batch.mel[:, 0, 1, 0].tolist() == [3, 13]
    (batch,) = make(validation_sampling=AllWindows(hop=4)).val_dataloader()
    assert batch.track.tolist() == [0] * 3 + [1] * 8  # 70 and 90 frames
    assert batch.mel[:, 0, 1, 0].tolist() == [0, 4, 6, 0, 4, 8, 12, 16, 20, 24, 26]
    assert batch.window.tolist() == list(range(11))


def test_a_track_has_the_same_random_windows_in_every_split(cache: MelCache) -> None:
    common: dict[str, Any] = {"sampling": RandomWindows(seed=4), "window": 64, "seed": 0}
    as_train = MoodDataModule(cache=cache, splits={"train": ["a", "b"]}, **common)
    as_validation = MoodDataModule(cache=cache, splits={"validation": ["e", "f", "a"]}, **common)
    starts = [
        sorted(frame for batch in loader for frame in batch.mel[batch.mel[:, 0, 0, 0] == 0][:, 0, 1, 0].tolist())
        for loader in (as_train.train_dataloader(), as_validation.val_dataloader())
    ]
    assert starts[0] == starts[1]
    assert len(starts[0]) == 5


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_resident_batches_are_the_hosts(make: Make, split: str) -> None:
    host, resident = (getattr(make(device_resident=where), f"{split}_dataloader")() for where in (False, True))
    assert isinstance(host.windows, HostWindows)
    assert isinstance(resident.windows, ResidentWindows)
    for left, right in zip(host, resident, strict=True):
        for x, y in zip(left, right, strict=True):
            torch.testing.assert_close(x, y, rtol=0, atol=0, equal_nan=True)


def test_without_an_accelerator_auto_leaves_the_corpus_on_disk(make: Make) -> None:
    assert isinstance(make(device_resident="auto").train_dataloader().windows, HostWindows)


@pytest.mark.parametrize(("free", "is_resident"), [(2 * 620 * 192 + 2, True), (2 * 620 * 192, False)])
def test_auto_asks_for_twice_the_room(
    make: Make, monkeypatch: pytest.MonkeyPatch, free: int, is_resident: bool
) -> None:
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (free, 10**12))
    assert make(device_resident="auto")._is_resident("train", "train", torch.device("cuda")) is is_resident


def test_an_accelerator_gets_the_frames_that_windows_need_and_each_split_once(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = []

    def count(cache: MelCache, tracks: SplitTracks, stretches: Stretches, device: torch.device) -> Any:
        copied.append((tracks.name, int(stretches.frames.sum())))
        return _copy_frames(cache, tracks, stretches, device)

    monkeypatch.setattr("songmood.loading.gather._copy_frames", count)
    net, run = Net(), trainer(tmp_path, 2, enable_checkpointing=False)
    data = make(device_resident=True, validation_sampling=CentreWindow())
    run.fit(net, datamodule=data)
    for _ in range(2):  # as for each checkpoint that is reported
        run.validate(net, datamodule=data, verbose=False)
        run.test(net, datamodule=data, verbose=False)
    run.predict(net, datamodule=data)
    assert sorted(copied) == [("test", 2 * 64), ("train", 200 + 300 + 120), ("validation", 2 * 64)]


def test_training_on_windows_that_stay_copies_only_those(make: Make) -> None:
    data = make(device_resident=True, sampling=CentreWindow())
    data.train_dataloader()
    (resident,) = data._resident.values()
    assert len(resident._frames) == 3 * 64


def test_evaluation_on_random_windows_copies_those_of_the_first_epoch(make: Make) -> None:
    data = make(device_resident=True, sampling=FreshWindows(per_track=1))
    (batch,) = data.val_dataloader()
    (resident,) = data._resident.values()
    assert len(resident._frames) == 2 * 64
    (again,) = make(device_resident=False, sampling=FreshWindows(per_track=1)).val_dataloader()
    assert torch.equal(batch.mel, again.mel)


def test_windows_of_a_track_can_share_a_batch(make: Make) -> None:
    batches = list(make(batch_size=4, tracks_together=True).train_dataloader())
    assert sorted(batch.track.tolist() for batch in batches) == [[0] * 4, [1] * 4, [2] * 4]


def test_the_end_of_training_gives_its_memory_back(make: Make) -> None:
    data = make(device_resident=True)
    data.train_dataloader()
    data.val_dataloader()
    data.teardown("fit")
    assert [name for name, *_ in data._resident] == ["validation"]


def test_tracks_are_those_with_a_spectrogram(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    data = make(window=100)
    for _ in range(2):
        assert data.track_ids == {"train": ("e", "a", "b"), "validation": ("d", "g"), "test": ("f", "h")}
        data.train_dataloader()
    assert data.split_targets("train").tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]  # the bits of 5, 1 and 2
    assert caplog.messages == [
        "train: skipped for want of a spectrogram, 1 of 4 tracks: c",
        "validation: shorter than a window of 100 frames and repeated to fill it, 2 of 2 tracks: d, g",
        "test: shorter than a window of 100 frames and repeated to fill it, 1 of 2 tracks: h",
    ]


def test_the_standardiser_gets_each_training_track_once(make: Make) -> None:
    np.testing.assert_array_equal(make().training_features(), [[4, 0.5], [0, 0.5], [1, np.nan]])


def test_features_of_a_cache_without_any_are_refused(tmp_path: Path) -> None:
    data = MoodDataModule(cache=tiny_cache(tmp_path / "plain.h5", {"a": 70}), splits={"train": ["a"]})
    with pytest.raises(CorpusError, match="has no features"):
        data.training_features()


def test_other_tags_than_the_caches_can_be_learnt(make: Make) -> None:
    own = {"train": np.array([[1, 0], [0, 1], [1, 1], [0, 0]], np.uint8)}
    data = make(targets=own)
    targets = {number: [1, 0] for number in (4,)} | {0: [0, 1], 1: [0, 0]}  # e, a and b; c has no spectrogram
    for batch in data.train_dataloader():
        assert batch.target.tolist() == [targets[int(number)] for number in batch.mel[:, 0, 0, 0]]


def test_shuffled_targets_keep_to_their_split_and_their_seed(cache: MelCache) -> None:
    splits = {"train": ["a", "b", "d", "e", "f", "g"], "test": ["h"]}
    common: dict[str, Any] = {"sampling": CentreWindow(), "window": 64}
    plain = MoodDataModule(cache=cache, splits=splits, seed=1, **common)
    shuffled = [MoodDataModule(cache=cache, splits=splits, seed=1, shuffle_targets=True, **common) for _ in range(2)]
    assert shuffled[0].split_targets("train").tolist() == shuffled[1].split_targets("train").tolist()
    assert shuffled[0].split_targets("train").tolist() != plain.split_targets("train").tolist()
    assert sorted(shuffled[0].split_targets("train").tolist()) == sorted(plain.split_targets("train").tolist())
    assert shuffled[0].split_targets("test").tolist() == plain.split_targets("test").tolist()


def test_a_split_that_is_not_there_is_refused(cache: MelCache) -> None:
    data = MoodDataModule(cache=cache, splits={"test": ["a"]})
    with pytest.raises(CorpusError, match="no split 'train'; the corpus has test"):
        data.train_dataloader()


def test_a_setting_is_checked_before_the_cache_is_touched() -> None:
    with pytest.raises(ConfigError, match=r"data\.window=0"):
        MoodDataModule(Untouched(), window=0)
    with pytest.raises(TypeError, match="windo"):
        MoodDataModule(Untouched(), windo=5)


@pytest.mark.parametrize(
    "given", [{}, {"corpus": True, "cache": True}, {"cache": True}, {"corpus": True, "splits": {}}]
)
def test_data_comes_from_a_corpus_or_from_a_cache_with_splits(cache: MelCache, given: dict[str, Any]) -> None:
    values = {"corpus": Untouched(), "cache": cache, "splits": {}}
    with pytest.raises(ConfigError, match="takes a corpus, or a cache and splits"):
        MoodDataModule(**{name: values[name] for name in given})


def test_nothing_is_logged_of_a_corpus_in_order(cache: MelCache, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "songmood"):
        list(MoodDataModule(cache=cache, splits={"train": ["a"]}, window=64).train_dataloader())
    assert not caplog.messages
