"""What a mel spectrogram is made with; needs no torch, so that caches and workers start fast."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MelParameters:
    """What a spectrogram was made with; the defaults are the data set's.

    Attributes:
        sample_rate: Hz.
        frame_size: samples under one window, even.
        hop: samples from one frame to the next.
        num_bands: mel bands from 0 Hz to half the sample rate.
        floor_db: the value of silence, and the smallest there is.
    """

    sample_rate: int = 12_000
    frame_size: int = 512
    hop: int = 256
    num_bands: int = 96
    floor_db: float = -200.0

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.hop, self.num_bands) < 1 or self.frame_size < 2 or self.frame_size % 2:
            raise ValueError(f"mel parameters must be positive and frame_size even, not {self}")

    @property
    def frames_per_second(self) -> float:
        """46.875 with the data set's parameters."""
        return self.sample_rate / self.hop

    def num_frames(self, num_samples: int) -> int:
        """Frames of a signal: the last is the first one centred at or after the end; none for no samples."""
        return -(-num_samples // self.hop) + 1 if num_samples else 0

    def to_dict(self) -> dict[str, int | float]:
        """Field by field, for a cache's or a checkpoint's attributes."""
        return asdict(self)
