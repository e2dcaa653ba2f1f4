"""Styles: for each the ranges and choices from which the attributes of a piece are drawn."""

from dataclasses import dataclass

Range = tuple[float, float]
Choices = tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """The range or the choices for each attribute; a name that stands twice is twice as likely."""

    tempo: Range
    scale: Choices
    register: Range
    lead: Choices
    harmony: Choices
    texture: Choices
    bass: Choices
    drums: Choices
    density: Range
    melody_level: Range
    dynamics: Choices
    reverb: Range
    loudness: Range
    brightness: Range
    echo: Range = (0.0, 0.0)
    drive: Range = (0.0, 0.0)
    swing: Range = (0.0, 0.0)


# fmt: off
STYLES: dict[str, Style] = {
    "ambient": Style(
        tempo=(50, 72), scale=("lydian", "major", "dorian"), register=(0, 1),
        lead=("bell", "flute", "choir"), harmony=("pad", "choir", "strings"), texture=("sustained",),
        bass=("none", "drone"), drums=("none", "none", "heartbeat"), density=(0.15, 0.5), melody_level=(0.15, 0.45),
        dynamics=("swell",), reverb=(0.6, 1), loudness=(0.3, 0.55), brightness=(-0.6, 0.2), echo=(0.2, 0.6),
    ),
    "lament": Style(
        tempo=(54, 78), scale=("minor", "minor", "phrygian", "dorian"), register=(-1, 0),
        lead=("strings", "piano", "flute", "choir"), harmony=("strings", "piano", "organ"),
        texture=("sustained", "arpeggio"), bass=("drone", "fifths"), drums=("none", "none", "brushes"),
        density=(0.4, 0.9), melody_level=(0.5, 0.9), dynamics=("flat", "swell"), reverb=(0.4, 0.7),
        loudness=(0.35, 0.6), brightness=(-0.5, 0.1),
    ),
    "ballad": Style(
        tempo=(62, 92), scale=("major", "major", "lydian", "minor"), register=(0, 0),
        lead=("piano", "strings", "flute", "guitar"), harmony=("piano", "strings", "guitar"),
        texture=("arpeggio", "arpeggio", "sustained"), bass=("fifths",), drums=("none", "brushes"),
        density=(0.6, 1.1), melody_level=(0.6, 1), dynamics=("flat", "swell"), reverb=(0.3, 0.6),
        loudness=(0.4, 0.65), brightness=(-0.2, 0.3),
    ),
    "cinematic": Style(
        tempo=(84, 140), scale=("minor", "minor", "dorian", "phrygian"), register=(-1, 0),
        lead=("brass", "strings", "choir"), harmony=("strings", "brass", "choir"), texture=("sustained", "comp"),
        bass=("drone", "pulse"), drums=("toms",), density=(0.5, 1), melody_level=(0.5, 0.8), dynamics=("crescendo",),
        reverb=(0.6, 0.9), loudness=(0.8, 0.95), brightness=(-0.1, 0.4),
    ),
    "shadow": Style(
        tempo=(58, 100), scale=("phrygian", "minor"), register=(-1, -1), lead=("choir", "brass", "bell"),
        harmony=("pad", "strings", "choir", "organ"), texture=("sustained",), bass=("drone",),
        drums=("none", "heartbeat", "heartbeat"), density=(0.15, 0.5), melody_level=(0.2, 0.5),
        dynamics=("swell", "crescendo"), reverb=(0.5, 0.9), loudness=(0.4, 0.7), brightness=(-1, -0.4),
        echo=(0.1, 0.5),
    ),
    "dance": Style(
        tempo=(118, 134), scale=("minor", "minor", "major"), register=(0, 1), lead=("saw", "square", "piano"),
        harmony=("saw", "pad", "organ"), texture=("comp", "arpeggio"), bass=("offbeat", "octaves"), drums=("four",),
        density=(0.8, 1.6), melody_level=(0.5, 0.9), dynamics=("flat",), reverb=(0.15, 0.4), loudness=(0.85, 0.95),
        brightness=(0.2, 0.8), echo=(0.1, 0.4),
    ),
    "groove": Style(
        tempo=(88, 112), scale=("dorian", "dorian", "mixolydian"), register=(0, 0),
        lead=("epiano", "organ", "guitar", "brass"), harmony=("epiano", "organ", "guitar"), texture=("comp",),
        bass=("funk",), drums=("funk",), density=(0.7, 1.4), melody_level=(0.4, 0.8), dynamics=("flat",),
        reverb=(0.1, 0.25), loudness=(0.6, 0.85), brightness=(-0.1, 0.4), swing=(0.1, 0.3),
    ),
    "rock": Style(
        tempo=(112, 172), scale=("minor", "dorian", "phrygian"), register=(0, 0),
        lead=("distorted", "saw", "organ"), harmony=("distorted",), texture=("power",), bass=("pulse",),
        drums=("rock",), density=(0.6, 1.4), melody_level=(0.4, 0.8), dynamics=("flat", "crescendo"),
        reverb=(0.1, 0.3), loudness=(0.88, 0.95), brightness=(0, 0.5), drive=(0.5, 1),
    ),
    "chip": Style(
        tempo=(122, 172), scale=("major", "major", "minor"), register=(0, 1), lead=("square",),
        harmony=("square", "saw"), texture=("arpeggio",), bass=("octaves", "pulse"), drums=("chip",),
        density=(1, 1.9), melody_level=(0.6, 1), dynamics=("flat",), reverb=(0, 0.12), loudness=(0.6, 0.9),
        brightness=(0, 0.6), echo=(0, 0.3),
    ),
    "toys": Style(
        tempo=(92, 138), scale=("major", "major", "lydian"), register=(1, 1), lead=("bell", "marimba", "flute"),
        harmony=("marimba", "bell", "piano", "guitar"), texture=("arpeggio", "comp"), bass=("none", "fifths"),
        drums=("none", "shaker"), density=(0.8, 1.4), melody_level=(0.7, 1), dynamics=("flat",), reverb=(0.15, 0.4),
        loudness=(0.4, 0.7), brightness=(0, 0.5), swing=(0, 0.2),
    ),
    "sunny": Style(
        tempo=(100, 148), scale=("major", "major", "mixolydian"), register=(0, 1),
        lead=("guitar", "piano", "flute", "marimba"), harmony=("guitar", "piano", "organ"),
        texture=("comp", "arpeggio"), bass=("fifths", "octaves"), drums=("pop", "pop", "shaker"), density=(0.8, 1.4),
        melody_level=(0.6, 1), dynamics=("flat",), reverb=(0.1, 0.3), loudness=(0.65, 0.9), brightness=(0.1, 0.6),
    ),
}
# fmt: on

# What artists choose from: the styles whose tags hardly any other style carries stand twice.
HOME_STYLES: tuple[str, ...] = (*STYLES, "chip", "dance")
