"""Archives as the data set distributes them, and hostile ones, made for the tests."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np

from songmood.tracks import Track, write_tracks

DATASET = "autotagging_moodtheme"
TAGS = ("mood/theme---calm", "mood/theme---dark", "mood/theme---happy")


def npy(mel):
    """The bytes of a spectrogram file: (96, T) float32 in Fortran order."""
    file = io.BytesIO()
    np.save(file, np.asfortranarray(mel), allow_pickle=False)
    return file.getvalue()


def mel_of(seed, frames):
    return np.random.default_rng(seed).normal(-60, 20, (96, frames)).astype(np.float32)


def tar_bytes(members, flavour=tarfile.GNU_FORMAT):
    """A tar of (name, bytes) pairs or ready TarInfos, behind the folder entries that the data set's have."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=flavour) as tar:
        folders = set()
        for member in members:
            if isinstance(member, tarfile.TarInfo):  # a header alone, which from Python 3.13 `addfile` refuses to write
                header = member.tobuf(tar.format, tar.encoding, tar.errors)
                file.write(header)
                tar.offset += len(header)
                continue
            name, content = member
            folder = name.split("/")[0]
            if folder not in folders and "/" in name:
                folders.add(folder)
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def make_tracks(num_tracks, num_folders=4, duration=4.0):
    """Tracks spread over folders; the third is shorter than its duration says, the fourth longer."""
    tracks = []
    for i in range(num_tracks):
        number = 1_000 + 100 * (i // num_folders) + i % num_folders
        tags = tuple(TAGS[j] for j in range(3) if (i + j) % 2) or TAGS[:1]
        path = f"{number % 100:02d}/{number}.mp3"
        tracks.append(Track(f"track_{number:07d}", f"artist_{i:06d}", f"album_{i:06d}", path, duration, tags))
    return tuple(tracks)


def mels_of(tracks):
    """For each stem (96, T) values; lengths vary around the duration, one far beyond it."""
    return {
        track.stem: mel_of(i, int(track.duration * 46.875) + (-20, 0, 3, 40)[i % 4]) for i, track in enumerate(tracks)
    }


def split_of(tracks):
    third = len(tracks) // 3
    return {"train": tracks[: -2 * third], "validation": tracks[-2 * third : -third], "test": tracks[-third:]}


def documents_of(tracks, with_highlevel=False):
    documents = {}
    for i, track in enumerate(tracks):
        low = {
            "rhythm": {"bpm": 100.0 + i, "danceability": 1.0, "onset_rate": 2.0},
            "lowlevel": {"average_loudness": 0.5, "dynamic_complexity": 3.0},
            "tonal": {"key_key": "G", "key_scale": "major", "key_strength": 0.7},
        }
        documents[f"{track.stem}.json"] = json.dumps(low).encode()
        if with_highlevel:
            high = {"highlevel": {"danceability": {"all": {"danceable": i / 100, "not_danceable": 1 - i / 100}}}}
            documents[f"{track.stem}.json.highlevel.json"] = json.dumps(high).encode()
    return documents


def publish(folder, tracks, mels, documents=None, tars=None, tags=TAGS):
    """Write the data set below `folder` as its mirrors (`mirror/`) and its repository (`data/`) hold it."""
    data, mirror = folder / "data", folder / "mirror" / DATASET
    for part in ("download", "tags"):
        (data / part).mkdir(parents=True, exist_ok=True)
    write_tracks(data / "autotagging_moodtheme.tsv", tracks)
    (data / "tags" / "moodtheme_split.txt").write_text("\n".join(tags) + "\n")
    for split in range(5):
        (data / f"splits/split-{split}").mkdir(parents=True, exist_ok=True)
        for part, members in split_of(tracks).items():
            write_tracks(data / f"splits/split-{split}/autotagging_moodtheme-{part}.tsv", members)
    contents = {f"{stem}.npy": npy(mel) for stem, mel in mels.items()}
    _publish_tars(data, mirror, "melspecs", contents, tars or {})
    _publish_tars(data, mirror, "acousticbrainz", documents if documents is not None else documents_of(tracks), {})
    return data, folder / "mirror"


def _publish_tars(data: Path, mirror: Path, kind: str, contents: dict[str, bytes], ready: dict[str, bytes]) -> None:
    (mirror / kind).mkdir(parents=True, exist_ok=True)
    tars = []
    for number in sorted({name[:2] for name in contents}):
        members = [(name, content) for name, content in contents.items() if name.startswith(number)]
        name = f"{DATASET}_{kind}-{number}.tar" + (".gz" if kind == "acousticbrainz" else "")
        packed = ready.get(name) or tar_bytes(members)
        if kind == "acousticbrainz":
            packed = gzip.compress(packed, 1, mtime=0)
        (mirror / kind / name).write_bytes(packed)
        tars.append(f"{hashlib.sha256(packed).hexdigest()} {name}")
    (data / f"download/{DATASET}_{kind}_sha256_tars.txt").write_text("\n".join(tars) + "\n")
