"""Drum patterns and bass patterns on a grid of sixteenths, and the fills that end a phrase."""

from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.score import BEATS_PER_BAR, Hit

STEPS_PER_BEAT = 4
STEPS_PER_BAR = STEPS_PER_BEAT * BEATS_PER_BAR

# One bar each: x an accent, o a stroke, . a ghost note, - silence; the names are sounds of drums.py.
DRUM_PATTERNS: dict[str, dict[str, str]] = {
    "none": {},
    "heartbeat": {"boom": "o-------.-------"},
    "brushes": {"rim": "----.-------.---", "shaker": "o-.-o-.-o-.-o-.-"},
    "shaker": {"shaker": "o.o.o.o.o.o.o.o.", "rim": "----o-------o---", "kick": "o-------o-------"},
    "pop": {"kick": "x-----o-x-------", "snare": "----x-------x---", "hat": "o-o-o-o-o-o-o-o-"},
    "rock": {
        "kick": "x---x-o-x---x-o-",
        "snare": "----x-------x---",
        "crash": "x---------------",
        "hat": "x-x-x-x-x-x-x-x-",
    },
    "four": {
        "kick": "x---x---x---x---",
        "clap": "----x-------x---",
        "hat": "..-...-...-...-.",
        "open_hat": "--x---x---x---x-",
    },
    "funk": {"kick": "x--o--o---o--o--", "snare": "----x--.-.--x--.", "hat": "o.ooo.ooo.ooo.oo"},
    "toms": {"boom": "x-----o-x-o-----", "tom_low": "--o-o---o---o-o-", "tom_high": "------o-----o-oo"},
    "chip": {"chip_kick": "x---o---x---o---", "chip_snare": "----x-------x---", "hat": "o---o---o---o---"},
}
_VELOCITIES = {"x": 1.0, "o": 0.65, ".": 0.3}

SOFT_DRUMS = frozenset({"none", "heartbeat", "brushes"})
HARD_DRUMS = frozenset({"rock", "four", "toms", "pop", "chip"})

# One bar each: (sixteenth, length in sixteenths, scale steps above the chord's root).
BASS_PATTERNS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "none": (),
    "drone": ((0, 16, 0),),
    "fifths": ((0, 7, 0), (8, 7, 4)),
    "pulse": tuple((step, 2, 0) for step in range(0, 16, 2)),
    "offbeat": tuple((step, 2, 0) for step in range(2, 16, 4)),
    "funk": ((0, 2, 0), (3, 1, 0), (6, 2, 7), (8, 1, 0), (10, 2, 4), (13, 1, 6), (14, 2, 7)),
    "octaves": tuple((step, 2, 7 * (step // 2 % 2)) for step in range(0, 16, 2)),
}


def drum_hits(pattern: str, first_bar: int, num_bars: int, dice: Dice) -> list[Hit]:
    """The hits of a pattern from `first_bar` to the end, slightly uneven, with a fill in every fourth bar."""
    hits = []
    for bar in range(first_bar, num_bars):
        for drum, steps in DRUM_PATTERNS[pattern].items():
            if drum == "crash" and (bar - first_bar) % 4:
                continue  # a crash opens a phrase, not every bar
            for step, mark in enumerate(steps):
                if mark in _VELOCITIES:
                    velocity = _VELOCITIES[mark] * (dice.uniform(0.88, 1.12))
                    hits.append(Hit(drum, bar * BEATS_PER_BAR + step / STEPS_PER_BEAT, velocity))
        if bar % 4 == 3:
            hits += _fill(pattern, bar, dice)
    return hits


def _fill(pattern: str, bar: int, dice: Dice) -> list[Hit]:
    """The last beat of a phrase: a run of the pattern's loudest voice, rising; soft patterns have none."""
    voice = {"rock": "tom_low", "pop": "snare", "four": "snare", "toms": "tom_high", "chip": "chip_snare"}.get(pattern)
    if voice is None:
        return []
    steps = range(12 if dice.uniform() < 0.6 else 14, STEPS_PER_BAR)
    return [Hit(voice, bar * BEATS_PER_BAR + step / STEPS_PER_BEAT, 0.4 + 0.04 * step) for step in steps]
