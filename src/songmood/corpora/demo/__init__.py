"""The demo corpus: a composer, its instruments and a mixing desk, and the tags that listeners would give.

`catalogue` invents artists and pieces, `attributes` says what a piece is made of, `moods` which tags follow; `compose`
writes the score (`theory`, `melody`, `rhythm`), `render` plays it (`instruments`, `drums`, `effects`), `recording`
brings it to the cache as any audio file is brought, and `corpus` is what training opens.
"""

from songmood.corpora.demo.corpus import DemoCorpus

__all__ = ["DemoCorpus"]
