"""What graphs are fed with: frames of recorded episodes, preprocessed as vlaq does (training/pixels.py), each with the
prompt of its episode; or seeded pictures where a policy has no episodes.

    python -m benchmarks.quantization.samples BUNDLE EPISODES|pictures OUT.npz [--count N] [--seed S]
"""
import argparse
import collections
import json
import pathlib
import random
from dataclasses import dataclass

import numpy as np

from training.episodes import AXES, read_file
from training.pixels import Normalizer

from .bundles import Bundle
from .engines import Ort


@dataclass
class Episode:
    name: str
    pixels: np.ndarray  # float32 [T, 3, S, S]
    ids: list
    actions: np.ndarray | None  # float32 [T, 2], normalized


def normalizer(bundle):
    how = bundle["preprocess"]
    if how["resize"] != "bilinear" or how["channel_order"] != "rgb":
        raise SystemExit(f"{bundle.path}: training/pixels.py resizes bilinearly and keeps RGB, this bundle wants {how}")
    return Normalizer(how["normalise"])


def load_episode(path, bundle):
    frames, actions, _, _, instruction, _ = read_file(path, bundle["image_size"])
    actions = np.clip(actions[:, AXES] / np.float32(bundle["action_scale"]), -1, 1)
    return Episode(pathlib.Path(path).name, normalizer(bundle)(frames), bundle.prompt(instruction), actions)


def episode_files(folder):
    files = sorted(pathlib.Path(folder).glob("*.h5"))
    if not files:
        raise SystemExit(f"{folder}: holds no .h5 files")
    return files


def blocks(bundle, count, seed):
    """uint8 [count, S, S, 3]"""
    block = bundle["image_size"] // 14
    return np.random.default_rng(seed).integers(0, 256, (count, 14, 14, 3), np.uint8).repeat(block, 1).repeat(block, 2)


def pictures(bundle, count, seed):
    """An `Episode` of colored blocks, for time and size alone: no policy was trained on them."""
    frames = blocks(bundle, count, seed)
    table = Normalizer(bundle["preprocess"]["normalise"])
    return Episode("pictures", table(frames), bundle.prompt(), None)


def write_frames(path, frames):
    header = json.dumps({"frames.u8": {"dtype": "U8", "shape": frames.shape, "data_offsets": [0, frames.size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + frames.tobytes())


def encoder_feed(pixels, ids):
    """pixels: [3, S, S]"""
    return {"pixel_values": pixels[None], "input_ids": np.int64([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}


def features_of(encode, episode):
    return np.concatenate([encode(encoder_feed(p, episode.ids)) for p in episode.pixels])


def windows_of(features, window):
    """For each step the features of the newest min(t + 1, window) frames: [1, w, D]."""
    return [features[None, max(0, t + 1 - window):t + 1] for t in range(len(features))]


def choose(files, count, seed):
    """How many steps of which episode: `count` in all, spread evenly over episodes in a drawn order."""
    files = list(files)
    random.Random(seed).shuffle(files)
    return collections.Counter(files[n % len(files)] for n in range(count))


def calibration(bundle, folder, count, seed):
    """Feeds of both graphs as one flat dictionary of arrays (ids and windows padded; their true lengths beside them)."""
    encode = Ort(bundle.graph("encoder"), threads=2)
    rng, chosen = np.random.default_rng(seed), []
    if folder is None:
        episode = pictures(bundle, count, seed)
        features = features_of(encode, episode)
        chosen = [(p, episode.ids, w[0]) for p, w in zip(episode.pixels, windows_of(features, bundle["window"]))]
    else:
        for file, wanted in choose(episode_files(folder), count, seed).items():
            episode = load_episode(file, bundle)
            windows = windows_of(features_of(encode, episode), bundle["window"])
            for t in rng.choice(len(windows), min(wanted, len(windows)), replace=False):
                chosen.append((episode.pixels[t], episode.ids, windows[t][0]))
    longest = max(len(ids) for _, ids, _ in chosen)
    out = {"pixels": np.stack([p for p, _, _ in chosen]), "tokens": np.int64([len(i) for _, i, _ in chosen]),
           "ids": np.int64([list(i) + [0] * (longest - len(i)) for _, i, _ in chosen]),
           "steps": np.int64([len(w) for _, _, w in chosen])}
    out["windows"] = np.zeros((len(chosen), bundle["window"], chosen[0][2].shape[1]), np.float32)
    for n, (_, _, window) in enumerate(chosen):
        out["windows"][n, :len(window)] = window
    return out


def feeds(path, part):
    """Of an .npz that this program wrote: one dictionary of inputs for each sample."""
    data = np.load(path)
    if part == "encoder":
        return [encoder_feed(p, list(i[:n])) for p, i, n in zip(data["pixels"], data["ids"], data["tokens"])]
    return [{"features": w[None, :n]} for w, n in zip(data["windows"], data["steps"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("episodes", help="a folder, or 'pictures'")
    parser.add_argument("output")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=pathlib.Path, help="also write the pictures here, as safetensors, for vlaq")
    args = parser.parse_args()
    bundle = Bundle(args.bundle)
    if args.frames:
        write_frames(args.frames, blocks(bundle, args.count, args.seed))
    folder = None if args.episodes == "pictures" else args.episodes
    np.savez(args.output, **calibration(bundle, folder, args.count, args.seed))


if __name__ == "__main__":
    main()
