"""Published figures on the test set, as printed: Table 1 of the paper, and what came later.

Source of the first: "Recognizing Song Mood and Theme Using Convolutional Recurrent Neural Networks", MediaEval 2019,
Table 1. The two baselines are the task organisers'. Those of the second are named in each experiment's first lines;
nobody has published the paper's network by a later recipe. F1 is left out: teams fitted thresholds on the test set.
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
        figures: one for each of `METRICS`; None where none is published.
    """

    experiment: str
    name: str
    about: str
    epochs: int | None
    is_final: bool
    figures: tuple[float | None, float | None, float | None, float | None]


ABOUT = {
    "popularity": "the most frequent tag for every track",
    "vggish": "the organisers' convolutional baseline",
    "run1": "mel, centre window",
    "run2": "mel, five random windows",
    "run3": "mel, five random windows, attention",
    "run4": "mel and features, five random windows",
    "run5": "mel and features, five random windows, attention",
    "crnn_modern": "the paper's network by the recipe of 2021",
    "crnn_modern_ensemble": "six seeds of it",
    "convs": "lileonardo's plain CNN of 2021; published: 24 runs of its kind",
    "short_res": "SAIL's of 2020; published: 16 kHz, outside data",
    "fa_resnet": "CP-JKU's of 2019",
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

BEYOND_ROWS = tuple(
    PaperRow(experiment, experiment, ABOUT[experiment], epochs, True, (roc_auc, pr_auc, None, None))
    for experiment, epochs, roc_auc, pr_auc in (
        ("crnn_modern", 200, None, None),
        ("crnn_modern_ensemble", None, None, None),
        ("convs", 200, 0.761, 0.141),
        ("short_res", 200, None, 0.156),
        ("fa_resnet", 200, 0.772, 0.148),
    )
)
TABLES = {"Table 1": PAPER_ROWS, "Beyond the paper": BEYOND_ROWS}
