"""metrics.csv: a row for each epoch, and in it what was measured in that epoch."""

import csv
from pathlib import Path

import toy_training as toy
from songmood.training.history import METRICS_CSV, History


def test_an_epoch_without_validation_has_none_of_its_values(tmp_path: Path) -> None:
    toy.fit(toy.tagger(), tmp_path, History(tmp_path), epochs=5, check_val_every_n_epoch=2)
    rows = list(csv.DictReader((tmp_path / METRICS_CSV).read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert all(row["train/loss"] for row in rows)
    for name in ("validation/loss", "validation/roc_auc_macro", "validation/pr_auc_macro"):
        assert [bool(row[name]) for row in rows] == [False, True, False, True, False]
