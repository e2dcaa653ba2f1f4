"""Scores gathered over a pass come out in the split's order, one row a window, one row a track."""

import numpy as np
import pytest
import torch

from songmood.training.scores import ScoreCollector


def collect(*batches: tuple[list[float], list[int], list[int]]) -> ScoreCollector:
    collector = ScoreCollector()
    for scores, window, track in batches:
        column = torch.tensor(scores)[:, None]
        collector.add(column, (column > 0.5).float(), torch.tensor(window), torch.tensor(track))
    return collector


def test_windows_come_back_in_the_order_of_the_split() -> None:
    split = collect(([0.3, 0.1], [2, 0], [1, 0]), ([0.2], [1], [0])).gather()
    assert split.scores[:, 0] == pytest.approx([0.1, 0.2, 0.3])
    assert split.track.tolist() == [0, 0, 1]
    assert split.scores.dtype == np.float64


def test_a_track_scores_the_mean_of_its_windows() -> None:
    by_track = collect(([0.9, 0.7, 0.2], [0, 1, 2], [3, 3, 5])).gather().by_track()
    assert by_track.scores[:, 0] == pytest.approx([0.8, 0.2])
    assert by_track.track.tolist() == [3, 5]
    assert by_track.targets[:, 0].tolist() == [True, False]


def test_gathering_twice_gives_the_same_until_it_is_cleared() -> None:
    collector = collect(([0.5], [0], [0]))
    assert collector.gather() is collector.gather()
    collector.clear()
    collector.add(torch.ones(1, 1), torch.ones(1, 1), torch.tensor([0]), torch.tensor([0]))
    assert collector.gather().scores.tolist() == [[1.0]]
