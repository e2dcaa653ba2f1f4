"""What augmentation costs: a training step of the paper's network with mixup and SpecAugment, against one without."""

import torch

from benchmarks.harness import Row, rates
from benchmarks.training_step import NUM_TAGS, Way, build
from songmood.models.augment.chain import Chain
from songmood.models.augment.mixup import Mixup
from songmood.models.augment.spec_augment import SpecAugment

WAY = Way(is_channels_last=True, is_pool_first=True, is_fused=True)
CPU_BATCH, GPU_BATCH, FRAMES = 8, 64, 1366


def rows() -> list[Row]:
    device, size = ("cuda", GPU_BATCH) if torch.cuda.is_available() else ("cpu", CPU_BATCH)
    net = build(WAY).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), fused=True)
    mel = (torch.randn(size, 1, 96, FRAMES) * 20 - 40).half().to(device)
    target = (torch.rand(size, NUM_TAGS) < 0.05).float().to(device)
    chain = Chain(mixup=Mixup(), spec_augment=SpecAugment(masks=3))

    def train(is_augmented: bool) -> int:
        windows, labels = mel.float(), target
        if is_augmented:
            windows, labels = chain(windows, labels)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(windows), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.detach().item()  # waits for the device
        return size

    seen = rates({"without": lambda: train(False), "with": lambda: train(True)})
    what = f"training step with mixup and SpecAugment, {device}, against one without"
    return [Row(what, seen["without"], seen["with"], "windows/s", 0.95, "another task: what augmentation costs")]


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:75s} {row.obvious:,.2f} {row.ours:,.2f} {row.unit}, {row.ratio:.2f} times")
