"""What the authors' GRU costs: a training step of the paper's network with it, against one with PyTorch's."""

import torch

from benchmarks.harness import Row, rates
from benchmarks.training_step import NUM_TAGS, Way, make_step
from songmood.models.crnn import build_crnn

WAY = Way(is_channels_last=True, is_pool_first=True, is_fused=True)
CPU_BATCH, GPU_BATCH = 8, 64


def rows() -> list[Row]:
    device, size = ("cuda", GPU_BATCH) if torch.cuda.is_available() else ("cpu", CPU_BATCH)
    nets = {head: build_crnn(NUM_TAGS, head=head, attention=True) for head in ("paper", "published")}
    steps = {head: make_step(WAY, size, device=device, net=net) for head, net in nets.items()}

    def train(head: str) -> int:
        float(steps[head]())  # waits for the device
        return size

    seen = rates({head: lambda head=head: train(head) for head in steps})
    what = f"training step with head=published and its GRU, {device}, against head=paper"
    return [Row(what, seen["paper"], seen["published"], "windows/s", 0.9, "another function: what fidelity costs")]


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:75s} {row.obvious:,.2f} {row.ours:,.2f} {row.unit}, {row.ratio:.2f} times")
