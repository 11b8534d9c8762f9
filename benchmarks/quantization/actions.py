"""How far quantized bundles act from their source: both over the same recorded episodes (or seeded pictures), frame by
frame as the program drives. One JSON document.

    python -m benchmarks.quantization.actions EPISODES|pictures SOURCE BUNDLE... [--count N]
"""
import argparse
import json
import sys

import numpy as np

from . import samples
from .bundles import Bundle, reason
from .engines import Ort


def actions_of(bundle, episodes):
    """float32 [steps, axes]: the first action of each step's chunk; and the features [steps, D] they come from."""
    encode, act = (Ort(bundle.graph(part), threads=2) for part in ("encoder", "head"))
    features = [samples.features_of(encode, episode) for episode in episodes]
    actions = [act({"features": w})[0, 0] for f in features for w in samples.windows_of(f, bundle["window"])]
    return np.stack(actions), np.concatenate(features)


def signal_to_noise(reference, other):
    noise = np.square(np.float64(reference) - other).sum()
    return float(10 * np.log10(np.square(np.float64(reference)).sum() / noise)) if noise else None


def compare(reference, other, truth):
    apart = np.float64(other[0]) - reference[0]
    result = {"rmse_against_source": float(np.sqrt(np.square(apart).mean())), "mean_against_source": float(np.abs(apart).mean()),
              "largest_against_source": float(np.abs(apart).max()), "feature_sqnr_db": signal_to_noise(reference[1], other[1])}
    if truth is not None:
        result["mae"] = float(np.abs(np.float64(other[0]) - truth).mean())
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("episodes")
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--count", type=int, default=16, help="pictures; episodes: all")
    args = parser.parse_args()
    source = Bundle(args.bundles[0])
    if args.episodes == "pictures":
        episodes = [samples.pictures(source, args.count, seed=7)]
    else:
        episodes = [samples.load_episode(file, source) for file in samples.episode_files(args.episodes)]
    truth = None if episodes[0].actions is None else np.concatenate([e.actions for e in episodes])
    reference = actions_of(source, episodes)
    rows, refused = {}, {}
    for path in args.bundles:
        try:
            rows[path] = compare(reference, actions_of(Bundle(path), episodes), truth)
        except Exception as error:  # whatever the engine throws at a graph that it does not take
            refused[path] = reason(error)
    json.dump({"steps": len(reference[0]), "bundles": rows, "refused": refused}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
