from pathlib import Path

import numpy as np

from run_folders import make_run
from songmood.evaluation.thresholds import write_thresholds
from songmood.report.runfolder import read_run
from songmood.report.taglines import HEADS, tag_lines

TAGS = ("mood/theme---good", "mood/theme---none", "mood/theme---bad", "mood/theme---never")


def test_a_tags_line_worked_by_hand(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", tags=TAGS, earlier=None)
    scores, targets = np.zeros((8, 4)), np.zeros((8, 4), bool)
    scores[:, 0], targets[[0, 2], 0] = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1, 0, 0], True  # average precision (1 + 2 / 3) / 2
    scores[:, 2], targets[7, 2] = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], True
    targets[0, 3] = True
    np.save(folder / "predictions.npy", scores)
    np.save(folder / "targets.npy", targets)
    np.save(folder / "decisions.npy", scores >= [0.75, np.inf, 0.123456, np.inf])
    write_thresholds(
        folder / "thresholds.tsv", TAGS, [0.75, np.inf, 0.123456, np.inf], [1200, 0, 3, 4], [1, 2, 3, 4], "f1", "x"
    )
    (folder / "metrics.json").write_text('{"test": {}}')
    (folder / "tracks.txt").unlink()
    lines = tag_lines(read_run(folder).results[-1])
    assert [(line.tag, line.name) for line in lines] == [(0, "good"), (2, "bad"), (3, "never"), (1, "none")]
    texts = [dict(zip(HEADS, (text for _, text in line.cells), strict=True)) for line in lines]
    assert texts[0] == {
        "AP": "0.833",
        "Base rate": "0.250",
        "AP / base": "3.3",
        "ROC-AUC": "0.917",
        "Threshold": "0.7500",
        "Fitted on +": "1,200",
        "Fitted on −": "1",
        "Positives": "2",
        "Decided": "2",
        "Precision": "0.500",
        "Recall": "0.500",
        "F1": "0.500",
    }
    assert (texts[1]["AP"], texts[1]["ROC-AUC"], texts[1]["Threshold"]) == ("0.125", "0.000", "0.1235")
    assert (texts[2]["Threshold"], texts[2]["AP"], texts[2]["F1"]) == ("never", "0.125", "0.000")
    assert (texts[3]["AP"], texts[3]["AP / base"], texts[3]["Base rate"]) == ("–", "–", "0.000")
    sorted_by = dict(zip(HEADS, (value for value, _ in lines[3].cells), strict=True))
    assert (sorted_by["AP"], sorted_by["Threshold"]) == ("", 1e9), "what has no value sorts last, never as the largest"
