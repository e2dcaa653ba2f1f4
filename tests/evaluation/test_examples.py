"""The examples of the docstrings."""

import doctest
import importlib

import pytest

MODULES = ("bootstrap", "comparison", "ensemble", "metrics", "rules", "thresholds")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
    tried = doctest.testmod(importlib.import_module(f"songmood.evaluation.{name}"))
    assert tried.attempted > 0
    assert tried.failed == 0
