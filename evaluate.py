"""Score a split with a trained tagger: `python evaluate.py checkpoint=RUN/checkpoints/last.ckpt corpus=demo`."""

from songmood.runs.entry import run

if __name__ == "__main__":
    run("evaluate")
