"""Time of one control step (one new frame through the encoder, the head over a full window) of several bundles in turns:
A B C A B C ..., each a few steps at a time, all in this process. One JSON document of raw medians per round.

    python -m benchmarks.quantization.latency SAMPLES.npz [--engine openvino] [--threads N] BUNDLE...
"""
import argparse
import json
import statistics
import sys
import time

from . import samples
from .bundles import PARTS, Bundle, reason
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


def attempt(refused, path, act):
    """What `act` gives, or None and the reason in `refused`, whatever an engine throws at a graph that it does not know."""
    try:
        return act()
    except Exception as error:
        refused[path] = reason(error)
        return None


def measure(paths, open_subject, rounds, steps, warm_up, keep_open):
    """Median step of each round: encoder, head and both; and who was refused. keep_open: all subjects at once, which
    full-size ones do not fit in memory for."""
    out, refused, opened = {}, {}, {}
    for number in range(rounds):
        turn = number % len(paths)
        for path in paths[turn:] + paths[:turn]:
            if path in refused:
                continue
            subject = opened.get(path) or attempt(refused, path, lambda: open_subject(path))
            if subject is None:
                continue
            if keep_open:
                opened[path] = subject
            time.sleep(SETTLE_S)
            times = [subject.step() for _ in range(warm_up + steps)][warm_up:]
            row = out.setdefault(path, {"encoder_ms": [], "head_ms": [], "step_ms": []})
            for key, values in zip(row, (*zip(*times), map(sum, times))):
                row[key].append(round(statistics.median(values), 4))
            del subject
    return out, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples")
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--engine", choices=ENGINES, default="onnxruntime")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20, help="of a round")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before those, in every round")
    parser.add_argument("--reopen", action="store_true", help="have one bundle open at a time, opened in every round again")
    args = parser.parse_args()

    def open_subject(path):
        subject = Subject(path, args.engine, args.threads, args.samples)
        subject.step()  # some graphs are refused only when they run
        return subject

    rounds, refused = measure(args.bundles, open_subject, args.rounds, args.steps, args.warm_up, not args.reopen)
    json.dump({"engine": args.engine, "threads": args.threads, "steps_of_a_round": args.steps, "bundles": rounds,
               "refused": refused}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
