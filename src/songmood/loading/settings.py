"""How windows are drawn, batched and moved: the values of `conf/data`, checked before anything is loaded."""

from dataclasses import dataclass

from songmood.errors import ConfigError
from songmood.loading.windows import CentreWindow, Sampling
from songmood.ranges import check_whole

CENTRE = CentreWindow()


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What `MoodDataModule` needs to know besides its data; `conf/data/base.yaml` owns the defaults of runs.

    Attributes:
        sampling: draws the training windows.
        validation_sampling: draws the validation windows, once; None for `sampling` in its first epoch.
        test_sampling: draws the test windows, once.
        window: frames of a window, T.
        batch_size: training windows per process and step.
        tracks_together: give a training batch all windows of a track, as far as they fit, instead of any windows.
        evaluation_batch_size: windows per process and step of validation and test, at most; ``auto``: 256 on an
            accelerator, and 32 on a CPU, whose caches larger batches only flush.
        num_workers: threads that read windows ahead; 0 reads them when they are asked for.
        device_resident: whether the spectrograms live in the accelerator's memory; ``auto``: where they take less than
            half of what is free.
        shuffle_targets: permute the targets among the tracks of each split. A control experiment: a pipeline in which
            no label leaks scores a ROC-AUC of 0.5.
    """

    sampling: Sampling = CENTRE
    validation_sampling: Sampling | None = None
    test_sampling: Sampling = CENTRE
    window: int = 1366
    batch_size: int = 64
    tracks_together: bool = False
    evaluation_batch_size: int | str = "auto"
    num_workers: int = 0
    device_resident: bool | str = "auto"
    shuffle_targets: bool = False

    def __post_init__(self) -> None:
        check_whole("data.window", self.window, 1, "frames; the paper has data.window=1366")
        check_whole("data.batch_size", self.batch_size, 1, "windows; the paper's code has data.batch_size=64")
        if self.evaluation_batch_size != "auto":
            remedy = "windows, such as data.evaluation_batch_size=256, or auto"
            check_whole("data.evaluation_batch_size", self.evaluation_batch_size, 1, remedy)
        check_whole("data.num_workers", self.num_workers, 0, "threads; data.num_workers=0 reads without any")
        self._check_choice("device_resident", ("auto", True, False))
        self._check_choice("shuffle_targets", (True, False))
        self._check_choice("tracks_together", (True, False))
        for key in ("sampling", "validation_sampling", "test_sampling"):
            value = getattr(self, key)
            if not hasattr(value, "draw") and not (value is None and key == "validation_sampling"):
                raise ConfigError(
                    f"data.{key}={value!r}: expected a sampling; choose one, as in data/windows@data.{key}=random"
                )

    def evaluation_batch(self, device_type: str) -> int:
        """Windows of an evaluation batch on a ``cpu``, ``cuda`` or ``mps``."""
        if isinstance(self.evaluation_batch_size, int):
            return self.evaluation_batch_size
        return 32 if device_type == "cpu" else 256

    def _check_choice(self, key: str, choices: tuple[object, ...]) -> None:
        value = getattr(self, key)
        if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
            raise ConfigError(f"data.{key}={value!r}: expected one of {', '.join(map(str, choices)).lower()}")
