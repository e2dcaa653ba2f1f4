"""The Lightning data module: batches of windows of a corpus's splits."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from songmood.cache.read import MelCache
from songmood.errors import ConfigError, CorpusError
from songmood.loading.gather import HostWindows, ResidentWindows, resident_bytes
from songmood.loading.loader import Loader
from songmood.loading.sampler import EvaluationBatches, SplitWindows, TrainingBatches
from songmood.loading.settings import DataSettings
from songmood.loading.split import SplitTracks, Stretches, read_split, report_short_tracks
from songmood.loading.windows import Sampling
from songmood.tracks import Track

ROOM = 0.5  # share of the free accelerator memory that spectrograms may take; the rest is for training


class OpensCache(Protocol):
    """What a corpus must offer to be loaded, as songmood's own do."""

    @property
    def splits(self) -> Mapping[str, Sequence[Track]]:
        """The tracks of each split, such as ``train``, ``validation`` and ``test``."""

    def open(self) -> MelCache:
        """The cache of all of them; built first where that is quick."""


class MoodDataModule(pl.LightningDataModule):
    """Windows of a corpus's splits, from its cache; a corpus, or a cache and splits of its tracks.

    Tracks without a spectrogram are left out of the splits, and named in the log.

    Example::

        data = MoodDataModule(DemoCorpus(), sampling=FreshWindows(per_track=5), batch_size=32, seed=1)
        trainer.fit(tagger, datamodule=data)
        trainer.predict(tagger, datamodule=data)  # of the test split; its tracks are data.track_ids["test"]
        mine = MoodDataModule(cache=MelCache.open(path), splits={"mine": track_ids}, predict_split="mine")

    Args:
        corpus: opened, and built where it must be, when its first window is asked for.
        cache: of the tracks in `splits`.
        splits: track ids of ``train``, ``validation`` and ``test``, as far as they are asked for, or of other splits.
        seed: of the order of the training windows.
        targets: for each split (its tracks, L), where the tags are others than the cache's.
        predict_split: the split that is predicted; its windows are drawn as those of the test split.
        **settings: the attributes of `DataSettings`.

    Raises:
        ConfigError: for a setting that cannot be used, or where there is neither a corpus nor a cache with splits.
    """

    def __init__(
        self,
        corpus: OpensCache | None = None,
        *,
        cache: MelCache | None = None,
        splits: Mapping[str, Sequence[str]] | None = None,
        seed: int = 0,
        targets: Mapping[str, NDArray[np.uint8]] | None = None,
        predict_split: str = "test",
        **settings: Any,
    ) -> None:
        super().__init__()
        self.settings = DataSettings(**settings)
        if (corpus is None) == (cache is None) or (cache is None) != (splits is None):
            raise ConfigError("MoodDataModule takes a corpus, or a cache and splits: corpus=, or cache= and splits=")
        self.predict_split = predict_split
        self._corpus = corpus
        self._seed = seed
        self._targets = targets or {}
        self._tracks: dict[str, SplitTracks] = {}
        self._resident: dict[tuple[str, str, torch.device], ResidentWindows] = {}
        if cache is not None:
            self.cache = cache
        if splits is not None:
            self.splits = splits

    @cached_property
    def cache(self) -> MelCache:
        """Of the corpus."""
        assert self._corpus is not None
        return self._corpus.open()

    @cached_property
    def splits(self) -> Mapping[str, Sequence[str]]:
        """The track ids of each split, those without a spectrogram too."""
        assert self._corpus is not None
        return {name: [track.track_id for track in tracks] for name, tracks in self._corpus.splits.items()}

    @cached_property
    def track_ids(self) -> dict[str, tuple[str, ...]]:
        """For each split its tracks that have a spectrogram, in the split's order; `Batch.track` indexes them."""
        return {name: self._split(name).track_ids for name in self.splits}

    def split_targets(self, name: str) -> NDArray[np.uint8]:
        """(N, L) the targets of `track_ids[name]`, 0 or 1."""
        return self._split(name).targets

    def training_features(self) -> NDArray[np.float32]:
        """(N, F) the features of the training tracks, NaN where absent, to fit a standardiser on.

        Raises:
            CorpusError: where the cache has none.
        """
        features = self._split("train").features
        if features is None:
            raise CorpusError(
                f"{self.cache.path} has no features; take a model that wants none, such as model=crnn_attn"
            )
        return features

    def train_dataloader(self) -> Loader:
        """Shuffled anew in each epoch."""
        settings, windows = self.settings, self._windows("train", "train")
        batches = TrainingBatches(
            windows, settings.batch_size, self._seed, self._epoch, tracks_together=settings.tracks_together
        )
        return self._loader("train", "train", batches)

    def val_dataloader(self) -> Loader:
        """The validation split in order."""
        return self._evaluation_loader("validation", "validation")

    def test_dataloader(self) -> Loader:
        """The test split in order."""
        return self._evaluation_loader("test", "test")

    def predict_dataloader(self) -> Loader:
        """The split `predict_split` in order."""
        return self._evaluation_loader(self.predict_split, "test")

    def teardown(self, stage: str) -> None:
        """Give the accelerator's memory back that training took; the other splits stay for the next checkpoint."""
        if stage == "fit":
            self._resident = {key: windows for key, windows in self._resident.items() if key[1] != "train"}

    def _epoch(self) -> int:
        if self.trainer is None or getattr(self.trainer, "overfit_batches", False):  # they are the same in each epoch
            return 0
        return self.trainer.current_epoch

    def _split(self, name: str) -> SplitTracks:
        if name not in self._tracks:
            if name not in self.splits:
                raise CorpusError(f"no split '{name}'; the corpus has {', '.join(self.splits)}")
            tracks = read_split(self.cache, name, self.splits[name], self._targets.get(name))
            report_short_tracks(tracks, self.settings.window)
            self._tracks[name] = tracks.with_shuffled_targets(self._seed) if self.settings.shuffle_targets else tracks
        return self._tracks[name]

    def _windows(self, name: str, use: str) -> SplitWindows:
        """A split's windows for a use: ``train``, ``validation`` or ``test``."""
        settings = self.settings
        samplings: dict[str, Sampling] = {
            "train": settings.sampling,
            "validation": settings.validation_sampling or settings.sampling,
            "test": settings.test_sampling,
        }
        return SplitWindows(self._split(name), samplings[use], settings.window)

    def _stretches(self, name: str, use: str) -> Stretches:
        """What a use needs of each track of a split; evaluation draws windows once, and so do some ways to train."""
        windows = self._windows(name, use)
        is_drawn_once = use != "train" or getattr(windows.sampling, "is_fixed", False)
        return windows.stretches(epoch=0) if is_drawn_once else windows.tracks.whole

    def _evaluation_loader(self, name: str, use: str) -> Loader:
        size = self.settings.evaluation_batch(self._device().type)
        return self._loader(name, use, EvaluationBatches(self._windows(name, use), size))

    def _loader(self, name: str, use: str, batches: TrainingBatches | EvaluationBatches) -> Loader:
        tracks, window, device = self._split(name), self.settings.window, self._device()
        key = (name, use, device)
        if key not in self._resident and self._is_resident(name, use, device):
            self._resident[key] = ResidentWindows(self.cache, tracks, window, device, self._stretches(name, use))
        if key in self._resident:
            return Loader(self._resident[key], batches)
        windows = HostWindows(self.cache, tracks, window, is_pinned=device.type == "cuda")
        return Loader(windows, batches, self.settings.num_workers)

    def _device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")

    def _is_resident(self, name: str, use: str, device: torch.device) -> bool:
        if isinstance(self.settings.device_resident, bool):
            return self.settings.device_resident
        if device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(device)
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # PyTorch's own, unused
        return resident_bytes(self.cache, self._stretches(name, use)) < ROOM * free
