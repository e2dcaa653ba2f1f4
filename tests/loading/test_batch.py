import torch
from lightning_fabric.utilities import move_data_to_device

from songmood.loading.batch import Batch


def make(features: torch.Tensor | None) -> Batch:
    frames = torch.arange(2 * 7 * 96).reshape(2, 7, 96).half()
    images = frames.transpose(1, 2).unsqueeze(1)
    return Batch(images, features, torch.ones(2, 3), torch.tensor([4, 5]), torch.tensor([8, 9]))


def test_a_batch_goes_to_a_device_as_a_batch() -> None:
    moved = move_data_to_device(make(torch.zeros(2, 22)), torch.device("meta"))
    assert isinstance(moved, Batch)
    assert {tensor.device.type for tensor in moved if tensor is not None} == {"meta"}


def test_a_batch_without_features_goes_to_a_device_too() -> None:
    assert move_data_to_device(make(None), torch.device("meta")).features is None


def test_conversion_on_the_device_keeps_the_time_major_memory() -> None:
    mel = make(None).mel
    assert mel.shape == (2, 1, 96, 7)
    assert mel[:, 0].stride() == mel.float()[:, 0].stride() == (7 * 96, 1, 96)
    assert mel[1, 0, 5, 3] == 7 * 96 + 3 * 96 + 5
