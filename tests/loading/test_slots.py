import gc
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from songmood.errors import ConfigError
from songmood.loading.slots import NO_SLOT, Slots

SHAPE = (4, 3, 2)


def test_slots_are_shared_between_processes() -> None:
    slots = Slots(2, SHAPE, is_shared=True)
    assert slots.memory.is_shared()
    assert slots.memory.shape == (2, *SHAPE)


def test_who_asks_for_more_slots_than_there_are_is_told_so() -> None:
    slots = Slots(2, SHAPE, is_shared=True)
    assert sorted([slots.take(), slots.take()]) == [0, 1]
    assert slots.take() == NO_SLOT


def test_a_lent_slot_is_its_memory_and_not_a_copy() -> None:
    slots = Slots(2, SHAPE, is_shared=True)
    slot = slots.take()
    lent = slots.lend(slot, 3)
    slots.memory[slot, 2, 1, 1] = 7
    assert lent.shape == (3, 3, 2)
    assert lent[2, 1, 1] == 7


def test_a_slot_comes_back_when_the_last_view_of_it_is_gone() -> None:
    slots = Slots(1, SHAPE, is_shared=False)
    lent = slots.lend(slots.take(), 4)
    view = lent.transpose(1, 2)[1:].unsqueeze(1)
    array = view.numpy()
    assert slots.take() == NO_SLOT
    del lent
    assert slots.take() == NO_SLOT
    del view
    assert slots.take() == NO_SLOT
    del array
    assert slots.take() == 0


def test_a_slot_that_was_never_delivered_can_be_reclaimed_and_a_lent_one_cannot() -> None:
    slots = Slots(2, SHAPE, is_shared=True)
    kept = slots.lend(slots.take(), 4)
    abandoned = slots.take()
    slots.reclaim()
    assert slots.take() == abandoned
    assert slots.take() == NO_SLOT
    assert kept.shape == SHAPE


def test_too_little_shared_memory_is_an_error_and_not_a_killed_process(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("songmood.loading.slots.SHARED_MEMORY", Path("/"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(64_000_000, 0, 64_000_000))
    Slots(2, SHAPE, is_shared=True)
    with pytest.raises(ConfigError, match=r"need 67 MB of shared memory and / has 64 MB free; take data.num_workers=0"):
        Slots(1, (256, 1366, 96), is_shared=True)


def test_a_slot_outlives_its_lender() -> None:
    slots = Slots(1, SHAPE, is_shared=False)
    slots.memory.fill_(3)
    lent = slots.lend(slots.take(), 4)
    del slots
    gc.collect()
    assert torch.equal(lent, torch.full(SHAPE, 3, dtype=torch.float16))
