"""SpecAugment: stretches of bands and of frames are taken away."""

import torch
from torch import Tensor, nn

from songmood.ranges import check_share, check_whole


class SpecAugment(nn.Module):
    """Masks of random widths over bands and over frames, other ones in each window, filled with the window's mean.

    Source: Park et al., SpecAugment, Interspeech 2019, without time warping.

    Args:
        masks: at most, of each kind and window; as many are drawn, from none to this.
        bands: greatest width of a mask over bands, as a share of all bands.
        frames: likewise over frames.
        probability: of a window to be masked at all.
    """

    def __init__(self, masks: int = 2, bands: float = 0.15, frames: float = 0.2, probability: float = 1.0) -> None:
        super().__init__()
        for name, share in (("bands", bands), ("frames", frames), ("probability", probability)):
            check_share(f"augment.spec_augment.{name}", share, "a share")
        check_whole("augment.spec_augment.masks", masks, 0, "masks, such as 3")
        self.masks = masks
        self.bands = bands
        self.frames = frames
        self.probability = probability

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, 1, 96, T), masked, and the targets as they are."""
        rows, columns = mel.shape[-2:]
        over_bands, over_frames = self._draw(mel, rows, self.bands), self._draw(mel, columns, self.frames)
        is_meant = torch.rand(len(mel), 1, 1, 1, device=mel.device) < self.probability
        masked = is_meant & (over_bands[:, None, :, None] | over_frames[:, None, None])
        return torch.where(masked, mel.mean(dim=(1, 2, 3), keepdim=True), mel), target

    def _draw(self, mel: Tensor, size: int, share: float) -> Tensor:
        """(B, size) what masks along one axis cover."""
        count, device = len(mel), mel.device
        width = torch.rand(count, self.masks, 1, device=device) * (share * size)
        start = torch.rand(count, self.masks, 1, device=device) * (size - width)
        number = torch.randint(self.masks + 1, (count, 1, 1), device=device)
        at = torch.arange(size, device=device) + 0.5
        is_drawn = torch.arange(self.masks, device=device)[:, None] < number
        return (is_drawn & (at >= start) & (at < start + width)).any(dim=1)
