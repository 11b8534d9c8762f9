"""Time of one control step (one new frame through the encoder, the head over a full window) of several bundles in turns:
A B C A B C ..., each a few steps at a time, all in this process. One JSON document of raw medians per round.

    python -m benchmarks.quantisation.latency SAMPLES.npz [--engine openvino] [--threads N] BUNDLE...
"""
import argparse
import json
import statistics
import sys
import time

from . import samples
from .bundles import PARTS, Bundle
from .engines import ENGINES


# Threads of the one before spin on for a while when they have nothing to do, and take a core from the next.
SETTLE_S = 0.05


class Subject:
    def __init__(self, path, engine, threads, file):
        bundle = Bundle(path)
        self.graphs = [ENGINES[engine](bundle.graph(part), threads) for part in PARTS]
        full = [f for f in samples.feeds(file, "head") if f["features"].shape[1] == bundle["window"]]
        self.feeds = [samples.feeds(file, "encoder"), full]
        if not full:
            raise SystemExit(f"{file}: holds no full window of {bundle['window']} frames")
        self.at = 0

    def step(self):
        """Milliseconds of encoder and head."""
        times = []
        for graph, feeds in zip(self.graphs, self.feeds):
            feed = feeds[self.at % len(feeds)]
            begin = time.perf_counter_ns()
            graph(feed)
            times.append((time.perf_counter_ns() - begin) / 1e6)
        self.at += 1
        return times


def open_all(paths, engine, threads, file):
    """Those that the engine takes; why the others were refused."""
    subjects, refused = {}, {}
    for path in paths:
        try:
            subjects[path] = Subject(path, engine, threads, file)
            subjects[path].step()
        except Exception as error:  # whatever an engine throws at a graph that it does not know
            subjects.pop(path, None)
            refused[path] = " ".join(str(error).split())[:200]
    return subjects, refused


def measure(subjects, rounds, steps, warm_up):
    """Median step of each round: encoder, head and both."""
    out = {path: {"encoder_ms": [], "head_ms": [], "step_ms": []} for path in subjects}
    names = list(subjects)
    for number in range(rounds):
        for path in names[number % len(names):] + names[:number % len(names)]:
            time.sleep(SETTLE_S)
            times = [subjects[path].step() for _ in range(warm_up + steps)][warm_up:]
            for key, values in zip(("encoder_ms", "head_ms", "step_ms"), (*zip(*times), map(sum, times))):
                out[path][key].append(round(statistics.median(values), 4))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples")
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--engine", choices=ENGINES, default="onnxruntime")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20, help="of a round")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before those, in every round")
    args = parser.parse_args()
    subjects, refused = open_all(args.bundles, args.engine, args.threads, args.samples)
    rounds = measure(subjects, args.rounds, args.steps, args.warm_up)
    json.dump({"engine": args.engine, "threads": args.threads, "steps_of_a_round": args.steps, "bundles": rounds,
               "refused": refused}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
