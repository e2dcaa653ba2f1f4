"""The demo corpus: a composer, its instruments and a mixing desk, and the tags that listeners would give.

`styles` says what a piece is made of, `moods` which tags follow, `catalogue` which artists recorded which pieces;
`composer` writes the score by the rules of `theory`, `instruments` and `mixing` make it sound, and `corpus` is what
training opens.
"""

from songmood.corpora.demo.corpus import DemoCorpus

__all__ = ["DemoCorpus"]
