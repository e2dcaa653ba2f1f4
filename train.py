"""Train a tagger, or with -m sweep over many: `python train.py -m model=crnn,crnn_attn data=random corpus=demo`."""

from songmood.runs.entry import run

if __name__ == "__main__":
    run("train")
