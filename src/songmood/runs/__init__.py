"""From a composed configuration to a run folder: training, evaluation, sweeps, reproduction."""
