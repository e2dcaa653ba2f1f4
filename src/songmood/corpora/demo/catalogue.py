"""Catalogue: which artists recorded which pieces with which tags, and which split each artist belongs to."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from songmood.corpora.corpus import SPLITS
from songmood.corpora.demo.moods import TAGS, draw_tags
from songmood.corpora.demo.styles import HOME_STYLES, Artist, Attributes, draw_artist, draw_attributes
from songmood.errors import ConfigError
from songmood.random_bits import Dice
from songmood.tracks import Track, target_matrix

_EVALUATED = 0.2  # of the artists, in validation and in test each
_FIRST_ID = 8_000_001  # far from the ids of the data set, so that files never take each other's place
_MIN_ARTISTS = 6
_NUM_DIVISIONS = 4000  # divisions of the artists that are tried: with the default sizes a tenth of a second
_ENOUGH = 8  # positives and negatives of each tag in each split: one division with so many is as good as another
# The independent streams of random numbers: a piece sounds the same whatever else is in the corpus.
_ARTISTS, _PIECES, _SOUNDS, _DIVISIONS = range(4)


@dataclass(frozen=True)
class Piece:
    """A track and all that it takes to play it."""

    track: Track
    attributes: Attributes
    key: tuple[int, ...]  # of the dice with which it is composed and played


@dataclass(frozen=True)
class Catalogue:
    """What a demo corpus of these numbers holds; the same numbers give the same catalogue.

    Raises:
        ConfigError: for numbers of which no corpus can be made.
    """

    num_tracks: int  # spread evenly over the artists, at least two each
    num_artists: int  # at least 6, so that each split has its own
    seed: int  # from 0 on
    seconds: float  # mean length of a piece, 1 to 600; each is up to a tenth shorter or longer

    def __post_init__(self) -> None:
        if self.num_artists < _MIN_ARTISTS:
            raise ConfigError(
                f"num_artists={self.num_artists}: the demo's splits share no artist and need at least {_MIN_ARTISTS}; "
                "48 is the default"
            )
        if self.num_tracks < 2 * self.num_artists:
            raise ConfigError(
                f"num_tracks={self.num_tracks}: {self.num_artists} artists need two tracks each, at least "
                f"{2 * self.num_artists} in all; set more tracks or a smaller num_artists"
            )
        if self.seed < 0:
            raise ConfigError(f"seed={self.seed}: the demo corpus takes seeds from 0 on")
        if not 1.0 <= self.seconds <= 600.0:
            raise ConfigError(f"seconds={self.seconds:g}: a demo piece lasts 1 to 600 seconds; 36 is the default")

    @cached_property
    def artists(self) -> tuple[Artist, ...]:
        """Artists whose home styles cover all styles about equally."""
        dice = Dice(self.seed, _ARTISTS)
        count = len(HOME_STYLES)
        homes = [HOME_STYLES[i] for _ in range(2 * self.num_artists // count + 1) for i in dice.order(count)]
        return tuple(
            draw_artist(f"artist_{_FIRST_ID // 10 + index:06d}", (homes[2 * index], homes[2 * index + 1]), TAGS, dice)
            for index in range(self.num_artists)
        )

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """All pieces, by artist."""
        pieces = []
        for index, artist_index in enumerate(self._artist_of.tolist()):
            artist, number = self.artists[artist_index], _FIRST_ID + index
            dice = Dice(self.seed, _PIECES, index)
            attributes = draw_attributes(artist, self.seconds, dice)
            track = Track(
                track_id=f"track_{number:07d}",
                artist_id=artist.artist_id,
                album_id=f"album_{_FIRST_ID // 10 + 2 * artist_index + dice.below(2):06d}",
                path=f"{number % 100:02d}/{number}.mp3",
                duration=attributes.seconds,
                tags=draw_tags(attributes, artist, dice),
            )
            pieces.append(Piece(track, attributes, (self.seed, _SOUNDS, index)))
        return tuple(pieces)

    @property
    def _artist_of(self) -> NDArray[np.int64]:
        """(N,) the number of each piece's artist."""
        return np.arange(self.num_tracks) * self.num_artists // self.num_tracks

    @cached_property
    def splits(self) -> dict[str, tuple[Track, ...]]:
        """The tracks of each split; no artist is in two.

        Of many random divisions of the artists it is the one in which the rarest class of a tag is most frequent, for
        a tag with one class in a split cannot be scored there. Only the tag counts of whole artists are looked at.
        """
        tracks = tuple(piece.track for piece in self.pieces)
        targets = target_matrix(tracks, TAGS).astype(np.int64)
        counts = np.zeros((self.num_artists, 2 * len(TAGS)), np.int64)  # of positives and of negatives
        np.add.at(counts, self._artist_of, np.concatenate([targets, 1 - targets], axis=1))
        evaluated = max(1, round(_EVALUATED * self.num_artists))
        borders = [0, self.num_artists - 2 * evaluated, self.num_artists - evaluated]
        dice = Dice(self.seed, _DIVISIONS)
        best, best_order = -1, np.arange(self.num_artists)
        for _ in range(_NUM_DIVISIONS):
            order = dice.order(self.num_artists)
            rarest = int(np.add.reduceat(counts[order], borders, axis=0).min())
            if rarest > best:
                best, best_order = rarest, order
            if best >= _ENOUGH:
                break
        artists_of = zip(SPLITS, np.split(best_order, borders[1:]), strict=True)
        return {
            name: tuple(track for track, artist in zip(tracks, self._artist_of, strict=True) if artist in artists)
            for name, artists in artists_of
        }
