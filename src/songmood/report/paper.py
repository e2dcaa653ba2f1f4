"""Table 1 of the paper: what each submission scored on the test set, as printed.

Source: "Recognizing Song Mood and Theme Using Convolutional Recurrent Neural Networks", MediaEval 2019, Table 1.
The two baselines are the task organisers'.
"""

from dataclasses import dataclass

METRICS = ("roc_auc_macro", "pr_auc_macro", "f1_micro", "f1_macro")  # the table's columns
METRIC_NAMES = {"roc_auc_macro": "ROC-AUC", "pr_auc_macro": "PR-AUC", "f1_micro": "F1 micro", "f1_macro": "F1 macro"}
FEATURE_SET, WITH_FEATURES = "paper", ("run4", "run5")  # what our configuration calls its features, and who takes them
TEST_SET = (4231, 56)  # tracks and tags of the paper's test set; on any other, its figures are no measure


@dataclass(frozen=True)
class PaperRow:
    """A row of the table.

    Attributes:
        experiment: the configuration that makes our row.
        name: what the paper calls it.
        about: what was varied.
        epochs: that it was trained for; None where nothing is trained.
        is_final: whether our row is the run's last epoch, or the earlier checkpoint that the run keeps.
        figures: one for each of `METRICS`.
    """

    experiment: str
    name: str
    about: str
    epochs: int | None
    is_final: bool
    figures: tuple[float, float, float, float]


ABOUT = {
    "popularity": "the most frequent tag for every track",
    "vggish": "the organisers' convolutional baseline",
    "run1": "mel, centre window",
    "run2": "mel, five random windows",
    "run3": "mel, five random windows, attention",
    "run4": "mel and features, five random windows",
    "run5": "mel and features, five random windows, attention",
}

PAPER_ROWS = tuple(
    PaperRow(experiment, name, ABOUT[experiment], epochs, is_final, figures)
    for experiment, name, epochs, is_final, figures in (
        ("popularity", "Popularity", None, True, (0.500, 0.032, 0.057, 0.003)),
        ("vggish", "VGG-ish", 1000, True, (0.726, 0.108, 0.177, 0.166)),
        ("run1", "#1", 8, False, (0.549, 0.043, 0.071, 0.071)),
        ("run1", "#1", 16, True, (0.700, 0.080, 0.103, 0.106)),
        ("run2", "#2", 16, True, (0.719, 0.110, 0.104, 0.114)),
        ("run3", "#3", 16, True, (0.723, 0.110, 0.108, 0.111)),
        ("run4", "#4", 8, False, (0.650, 0.069, 0.083, 0.085)),
        ("run4", "#4", 16, True, (0.685, 0.090, 0.095, 0.101)),
        ("run5", "#5", 16, True, (0.684, 0.089, 0.099, 0.102)),
    )
)
