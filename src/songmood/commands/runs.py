"""`songmood train` and `songmood evaluate`: what the clone's two scripts do, from an installed package too."""

import typer

FOR_HYDRA = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}  # Hydra parses


def train(context: typer.Context) -> None:
    """Train a tagger, or with -m sweep over many: model=crnn_attn data=random corpus=demo; --help says more."""
    from songmood.runs.entry import run

    run("train", context.args)


def evaluate(context: typer.Context) -> None:
    """Score a split with a trained tagger: checkpoint=RUN/checkpoints/last.ckpt corpus=demo."""
    from songmood.runs.entry import run

    run("evaluate", context.args)
