"""What the parts of a recipe cost in a training step of the paper's network: augmentation, averages of the weights."""

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.harness import Row, rates
from benchmarks.training_step import NUM_TAGS, Way, build
from songmood.models.augment.chain import Chain
from songmood.models.augment.mixup import Mixup
from songmood.models.augment.spec_augment import SpecAugment

WAY = Way(is_channels_last=True, is_pool_first=True, is_fused=True)
CPU_BATCH, GPU_BATCH, FRAMES = 8, 64, 1366
SAME = "another task: what it costs"


def rows() -> list[Row]:
    device, size = ("cuda", GPU_BATCH) if torch.cuda.is_available() else ("cpu", CPU_BATCH)
    net = build(WAY).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), fused=True)
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.999))  # Lightning's EMA is torch's
    mel = (torch.randn(size, 1, 96, FRAMES) * 20 - 40).half().to(device)
    target = (torch.rand(size, NUM_TAGS) < 0.05).float().to(device)
    chain = Chain(mixup=Mixup(), spec_augment=SpecAugment(masks=3))

    def train(*, is_augmented: bool = False, is_averaged: bool = False) -> int:
        windows, labels = mel.float(), target
        if is_augmented:
            windows, labels = chain(windows, labels)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(windows), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if is_averaged:
            average.update_parameters(net)
        loss.detach().item()  # waits for the device
        return size

    @torch.no_grad()
    def recompute() -> int:
        """A step of the pass that ends averaging=swa: forward, in training mode."""
        net(mel.float()).sum().item()
        return size

    ways = {
        "plain": train,
        "augmented": lambda: train(is_augmented=True),
        "averaged": lambda: train(is_averaged=True),
        "batch norm": recompute,
    }
    seen = rates(ways)
    titles = {
        "augmented": ("training step with mixup and SpecAugment, {}, against one without", 0.95),
        "averaged": ("training step with averaging=ema, {}, against one without", 0.95),
        "batch norm": ("averaging=swa: its pass for batch norm at the end, {}, against training", 2.0),
    }
    return [
        Row(title.format(device), seen["plain"], seen[way], "windows/s", aim, SAME)
        for way, (title, aim) in titles.items()
    ]


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:80s} {row.obvious:,.2f} {row.ours:,.2f} {row.unit}, {row.ratio:.2f} times")
