"""The Lightning data module: batches of windows of a corpus's splits."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray

from songmood.cache.read import MelCache
from songmood.errors import CorpusError
from songmood.loading.gather import HostWindows, ResidentWindows, resident_bytes
from songmood.loading.loader import Batches, HostLoader, Loader, ResidentLoader
from songmood.loading.sampler import EvaluationBatches, SplitWindows, TrainingBatches
from songmood.loading.settings import DataSettings
from songmood.loading.split import SplitTracks, read_split, report_short_tracks
from songmood.loading.windows import Sampling

ROOM = 0.5  # share of the free accelerator memory that spectrograms may take; the rest is for training


class MoodDataModule(pl.LightningDataModule):
    """Windows of a corpus's splits, from a cache.

    Tracks without a spectrogram are left out of the splits, and named in the log.

    Args:
        cache: of the corpus.
        splits: track ids of ``train``, ``validation`` and ``test``, as far as they are asked for.
        seed: of the order of the training windows.
        targets: for each split (its tracks, L), where the tags are others than the cache's.
        **settings: the attributes of `DataSettings`.

    Raises:
        ConfigError: for a setting that cannot be used.
    """

    def __init__(
        self,
        cache: MelCache,
        splits: Mapping[str, Sequence[str]],
        *,
        seed: int,
        targets: Mapping[str, NDArray[np.uint8]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.settings = DataSettings(**settings)
        self._cache = cache
        self._splits = splits
        self._seed = seed
        self._targets = targets or {}
        self._tracks: dict[str, SplitTracks] = {}
        self._resident: dict[str, ResidentWindows] = {}
        self._loaders: list[Loader] = []

    @cached_property
    def track_ids(self) -> dict[str, tuple[str, ...]]:
        """For each split its tracks that have a spectrogram, in the split's order; `Batch.track` indexes them."""
        return {name: self._split(name).track_ids for name in self._splits}

    @property
    def num_train_windows(self) -> int:
        """Windows of an epoch, over all processes."""
        return self._windows("train").count

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
                f"{self._cache.path} has no features; take a model that wants none, such as model=crnn_attn"
            )
        return features

    def train_dataloader(self) -> Loader:
        """Shuffled anew in each epoch."""
        batches = TrainingBatches(self._windows("train"), self.settings.batch_size, self._seed, self._epoch)
        return self._loader("train", batches)

    def val_dataloader(self) -> Loader:
        """The validation split in order."""
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> Loader:
        """The test split in order."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> Loader:
        """The test split in order."""
        return self._evaluation_loader("test")

    def teardown(self, stage: str) -> None:
        """Give worker processes and the accelerator's memory back."""
        for loader in self._loaders:
            loader.close()
        self._loaders.clear()
        self._resident.clear()

    def _epoch(self) -> int:
        return self.trainer.current_epoch if self.trainer is not None else 0

    def _split(self, name: str) -> SplitTracks:
        if name not in self._tracks:
            if name not in self._splits:
                raise CorpusError(f"no split '{name}'; the corpus has {', '.join(self._splits)}")
            tracks = read_split(self._cache, name, self._splits[name], self._targets.get(name))
            report_short_tracks(tracks, self.settings.window)
            self._tracks[name] = tracks.with_shuffled_targets(self._seed) if self.settings.shuffle_targets else tracks
        return self._tracks[name]

    def _windows(self, name: str) -> SplitWindows:
        settings = self.settings
        samplings: dict[str, Sampling] = {
            "train": settings.sampling,
            "validation": settings.validation_sampling or settings.sampling,
            "test": settings.test_sampling,
        }
        return SplitWindows(self._split(name), samplings[name], settings.window)

    def _evaluation_loader(self, name: str) -> Loader:
        size = self.settings.evaluation_batch(self._device().type)
        return self._loader(name, EvaluationBatches(self._windows(name), size))

    def _loader(self, name: str, batches: Batches) -> Loader:
        tracks, settings, device = self._split(name), self.settings, self._device()
        loader: Loader
        if self._is_resident(name, device):
            if name not in self._resident:
                self._resident[name] = ResidentWindows(self._cache, tracks, settings.window, device)
            loader = ResidentLoader(self._resident[name], tracks, batches, device)
        else:
            loader = HostLoader(
                HostWindows(self._cache, tracks, settings.window),
                tracks,
                batches,
                num_workers=settings.num_workers,
                worker_start=settings.worker_start,
                is_pinned=device.type == "cuda",
            )
        self._loaders.append(loader)
        return loader

    def _device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer is not None else torch.device("cpu")

    def _is_resident(self, name: str, device: torch.device) -> bool:
        if isinstance(self.settings.device_resident, bool):
            return self.settings.device_resident
        if name in self._resident:
            return True
        if device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(device)
        return resident_bytes(self._cache, self._split(name)) < ROOM * free
