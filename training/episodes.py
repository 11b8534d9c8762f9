"""Recorded episodes (HDF5, as src/data writes them) as arrays for training.

Frames are resized once and kept in a cache file that is mapped into memory, one for each folder of episodes, so that a
later round with one more folder reads only that one. A frame whose bytes are all zero is a frame that the camera lost.
"""
import hashlib
import json
import pathlib
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import h5py
import numpy as np

from .labels import Labels, side_of
from .pixels import resized

AXES = (0, 1)  # linear_x, linear_y of the recorded linear_x, linear_y, angular_z
CACHE_VERSION = 1


class EpisodeError(Exception):
    """A file that cannot be used; the text names it."""


@dataclass
class Episode:
    name: str  # the file's, without its folder
    frames: np.ndarray  # uint8 [T, S, S, 3]
    lost: np.ndarray  # bool [T], the recorded camera gave nothing
    actions: np.ndarray  # float32 [T, 2], normalized
    labels: np.ndarray  # float32 [T, L], as the set's Labels name them
    instruction: str

    def __len__(self):
        return len(self.actions)


@dataclass
class EpisodeSet:
    episodes: list
    labels: Labels

    @property
    def frames(self):
        return sum(len(e) for e in self.episodes)


def _text(value):
    return value.decode("utf-8", "replace").rstrip("\0") if isinstance(value, bytes) else str(value)


def read_file(path, size):
    """Everything of one file: frames [T, size, size, 3], actions [T, 3] in m/s, auxiliary [T, A], names, instruction,
    layout."""
    try:
        with h5py.File(path, "r") as file:
            images, actions = file["images"], file["actions"][:].astype(np.float32)
            steps = len(images)
            if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
                raise EpisodeError(f"{path}: dataset 'images' is not uint8 [T, H, W, 3]")
            if actions.shape != (steps, 3) or not np.isfinite(actions).all():
                raise EpisodeError(f"{path}: dataset 'actions' is not [{steps}, 3] finite numbers")
            auxiliary = file["simulation/auxiliary"]
            names = [_text(n) for n in auxiliary.attrs["names"]]
            if auxiliary.shape != (steps, len(names)):
                raise EpisodeError(f"{path}: dataset 'simulation/auxiliary' is not [{steps}, {len(names)}]")
            frames = np.stack([resized(images[t], size) for t in range(steps)])
            instruction = _text(file["language_instruction"][0])
            layout = _text(file.attrs.get("obstacle_layout_type", ""))
            return frames, actions, auxiliary[:].astype(np.float32), names, instruction, layout
    except EpisodeError:
        raise
    except (OSError, KeyError, ValueError) as error:
        raise EpisodeError(f"{path}: {error}") from error


def _length(path):
    try:
        with h5py.File(path, "r") as file:
            return len(file["images"])
    except (OSError, KeyError) as error:
        raise EpisodeError(f"{path}: {error}") from error


def _files(folder):
    files = sorted(pathlib.Path(folder).glob("*.h5"))
    if not files:
        raise EpisodeError(f"{folder}: holds no .h5 files")
    return files


def _key(files, size):
    text = json.dumps([CACHE_VERSION, size, [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fill_cache(files, size, target, workers, log):
    """Writes frames.npy and rest.npz into the folder `target`, which appears when they are complete."""
    lengths = [_length(path) for path in files]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as folder:
        work = pathlib.Path(folder) / "complete"
        work.mkdir()
        _write_cache(files, lengths, size, work, workers, log)
        work.rename(target)


def _write_cache(files, lengths, size, work, workers, log):
    frames = np.lib.format.open_memmap(work / "frames.npy", "w+", np.uint8, (sum(lengths), size, size, 3))
    actions, auxiliary, instructions, layouts, at, first_names = [], [], [], [], 0, None
    with ProcessPoolExecutor(workers) as pool:
        results = pool.map(read_file, files, [size] * len(files), chunksize=16)
        for n, (path, (f, a, x, names, instruction, layout)) in enumerate(zip(files, results)):
            first_names = first_names or names
            if names != first_names:
                raise EpisodeError(f"{path}: its auxiliary labels {names} are not those of {files[0]}")
            frames[at:at + len(f)] = f
            at += len(f)
            actions.append(a)
            auxiliary.append(x)
            instructions.append(instruction)
            layouts.append(layout)
            if (n + 1) % 500 == 0:
                log(f"read {n + 1} of {len(files)} episodes")
    frames.flush()
    del frames
    np.savez(work / "rest.npz", lengths=lengths, actions=np.concatenate(actions), auxiliary=np.concatenate(auxiliary),
             names=first_names, instructions=instructions, layouts=layouts)


def _load_folder(folder, size, scale, cache, workers, log):
    files = _files(folder)
    target = pathlib.Path(cache) / _key(files, size)
    if not target.exists():
        log(f"preparing {len(files)} episodes of {folder}")
        _fill_cache(files, size, target, workers, log)
    frames = np.load(target / "frames.npy", mmap_mode="r")
    rest = np.load(target / "rest.npz")
    labels = Labels([str(n) for n in rest["names"]])
    actions = np.clip(rest["actions"][:, AXES] / np.float32(scale), -1, 1).astype(np.float32)
    auxiliary, episodes, at = rest["auxiliary"], [], 0
    for path, length, instruction, layout in zip(files, rest["lengths"], rest["instructions"], rest["layouts"]):
        part = slice(at, at + int(length))
        side = np.full((int(length), 1), side_of(str(layout), str(instruction)), np.float32)
        rows = np.concatenate([auxiliary[part], actions[part], side], 1)
        lost = np.array([not frame[::8, ::8].any() and not frame.any() for frame in frames[part]])
        episodes.append(Episode(path.name, frames[part], lost, actions[part], rows, str(instruction)))
        at += int(length)
    return EpisodeSet(episodes, labels)


def load(folders, size, scale, cache, workers=2, log=print):
    """All episodes of `folders`. `scale`: m/s of a normalized action of 1; `cache`: a folder for the resized frames."""
    sets = [_load_folder(folder, size, scale, cache, workers, log) for folder in folders]
    for other, folder in zip(sets[1:], folders[1:]):
        if other.labels.names != sets[0].labels.names:
            raise EpisodeError(f"{folder}: its auxiliary labels are not those of {folders[0]}")
    return EpisodeSet([e for s in sets for e in s.episodes], sets[0].labels)


def split(episodes, fraction, seed):
    """(training, validation): by a hash of each file's name, so that more episodes never move an old one."""
    def held_out(episode):
        digest = hashlib.sha256(f"{seed}:{episode.name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < fraction
    parts = [e for e in episodes.episodes if not held_out(e)], [e for e in episodes.episodes if held_out(e)]
    return tuple(EpisodeSet(part, episodes.labels) for part in parts)
