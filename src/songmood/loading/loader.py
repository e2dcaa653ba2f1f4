"""Loaders: what Lightning iterates to get batches, from host memory or from the accelerator's."""

import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from songmood.loading.batch import Batch
from songmood.loading.gather import HostWindows, ResidentWindows
from songmood.loading.sampler import EvaluationBatches, Picks, TrainingBatches
from songmood.loading.slots import NO_SLOT, Slots
from songmood.loading.split import SplitTracks

PREFETCH = 4  # batches that each worker may be ahead: with two the workers wait for the main process
HELD = 3  # batches that the training loop holds at once: in use, fetched ahead, on its way to the device

Batches = TrainingBatches | EvaluationBatches


class Loader(Protocol):
    """Batches, a new pass with each iteration."""

    def __len__(self) -> int:
        """Batches of a pass."""

    def __iter__(self) -> Iterator[Batch]:
        """A pass."""

    def close(self) -> None:
        """Give processes and memory back; iterating starts them anew."""


class _Order(NamedTuple):
    slot: int
    picks: Picks


class _Orders:
    """A DataLoader's batch sampler: what to read, and into which slot."""

    def __init__(self, batches: Batches, slots: Slots) -> None:
        self._batches = batches
        self._slots = slots

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[_Order]:
        self._slots.reclaim()  # persistent workers have finished the last pass's orders before this runs
        for picks in self._batches:
            yield _Order(self._slots.take(), picks)


_Delivery = tuple[_Order, Tensor | None]  # the windows, or None where they are in the order's slot


class _Reader(Dataset[_Delivery]):
    """A DataLoader's dataset: reads a whole batch at once, in whichever process it finds itself."""

    def __init__(self, windows: HostWindows, memory: Tensor, *, is_pinned: bool) -> None:
        self._windows = windows
        self._memory = memory
        self._is_pinned = is_pinned

    def __getitems__(self, order: _Order) -> _Delivery:
        if order.slot == NO_SLOT:
            return order, self._windows.gather(order.picks, is_pinned=self._is_pinned)
        self._windows.gather_into(self._memory[order.slot, : len(order.picks.track)].numpy(), order.picks)
        return order, None


class _Inline:
    """What a DataLoader without workers would do, at a tenth of its cost per batch."""

    def __init__(self, reader: _Reader, orders: _Orders) -> None:
        self._reader = reader
        self._orders = orders

    def __iter__(self) -> Iterator[_Delivery]:
        return map(self._reader.__getitems__, self._orders)


class HostLoader:
    """Reads batches through the cache's memory map, in worker processes where wanted.

    Args:
        windows: reads them.
        tracks: of the split.
        batches: which windows.
        num_workers: processes; 0 reads in this one.
        worker_start: ``fork`` or ``spawn``. Workers copy bytes and do nothing else, so forking them is safe.
        is_pinned: put batches into page-locked memory, from which a GPU copies on its own.
    """

    def __init__(
        self,
        windows: HostWindows,
        tracks: SplitTracks,
        batches: Batches,
        *,
        num_workers: int = 0,
        worker_start: str = "fork",
        is_pinned: bool = False,
    ) -> None:
        self._windows = windows
        self._tracks = tracks
        self._batches = batches
        self._num_workers = num_workers
        self._worker_start = worker_start
        self._is_pinned = is_pinned
        self._slots: Slots | None = None
        self._deliveries: Iterable[_Delivery] | None = None

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        self._deliveries = self._deliveries or self._start()
        with warnings.catch_warnings():  # see `worker_start`
            warnings.filterwarnings("ignore", ".*use of fork\\(\\) may lead to deadlocks", DeprecationWarning)
            deliveries = iter(self._deliveries)
        return (self._to_batch(order, mel) for order, mel in deliveries)

    def close(self) -> None:
        """See `Loader.close`."""
        self._deliveries = None  # its end is that of its workers
        self._slots = None

    def _start(self) -> Iterable[_Delivery]:
        is_parallel = self._num_workers > 0
        shape = (self._batches.batch_size, *self._windows.shape)
        reads_pinned = self._is_pinned and not is_parallel  # CUDA knows when a transfer is over, slots do not
        count = 0 if reads_pinned else self._num_workers * PREFETCH + HELD
        self._slots = Slots(count, shape, is_shared=is_parallel)
        reader = _Reader(self._windows, self._slots.memory, is_pinned=reads_pinned)
        orders = _Orders(self._batches, self._slots)
        if not is_parallel:
            return _Inline(reader, orders)
        return DataLoader(
            reader,
            batch_sampler=orders,  # type: ignore[arg-type]  # of orders, not of lists
            collate_fn=_as_it_is,  # type: ignore[arg-type]  # likewise
            num_workers=self._num_workers,
            multiprocessing_context=self._worker_start,
            prefetch_factor=PREFETCH,
            persistent_workers=True,
            generator=torch.Generator(),  # else each pass draws from the generator that dropout uses
        )

    def _to_batch(self, order: _Order, mel: Tensor | None) -> Batch:
        picks, tracks = order.picks, self._tracks
        if mel is None:
            assert self._slots is not None, "the loader was closed during a pass"
            mel = self._slots.lend(order.slot, len(picks.track))
        features = None if tracks.features is None else torch.from_numpy(tracks.features[picks.track])
        target = torch.from_numpy(tracks.targets[picks.track].astype(np.float32))
        batch = Batch(_as_images(mel), features, target, torch.from_numpy(picks.track), torch.from_numpy(picks.window))
        return _pin(batch) if self._is_pinned else batch


class ResidentLoader:
    """Gathers batches on the device that holds the spectrograms; only indices travel there.

    Args:
        windows: gathers them.
        tracks: of the split.
        batches: which windows.
        device: that of `windows`.
    """

    def __init__(self, windows: ResidentWindows, tracks: SplitTracks, batches: Batches, device: torch.device) -> None:
        self._windows = windows
        self._batches = batches
        self._device = device
        self._targets = torch.from_numpy(tracks.targets).to(device)
        self._features = None if tracks.features is None else torch.from_numpy(tracks.features).to(device)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        for picks in self._batches:
            indices = torch.from_numpy(np.stack(picks))
            if self._device.type == "cuda":
                indices = indices.pin_memory()  # the host does not wait for the copy
            window, track, start = indices.to(self._device, non_blocking=True)
            features = None if self._features is None else self._features[track]
            mel = _as_images(self._windows.gather(track, start))
            yield Batch(mel, features, self._targets[track].float(), track, window)

    def close(self) -> None:
        """See `Loader.close`; the memory is the data module's."""


def _as_images(mel: Tensor) -> Tensor:
    """(B, T, 96) as (B, 1, 96, T), without a copy."""
    return mel.transpose(1, 2).unsqueeze(1)


def _as_it_is(delivery: _Delivery) -> _Delivery:
    return delivery


def _pin(batch: Batch) -> Batch:
    return Batch(*(None if tensor is None else tensor.pin_memory() for tensor in batch))  # type: ignore[arg-type]
