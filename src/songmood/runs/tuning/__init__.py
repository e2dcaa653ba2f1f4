"""Searching the settings of a run with Optuna: a study is a folder, a trial a process of its own."""
