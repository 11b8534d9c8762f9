"""Of script/robot-baselines, which says what it does."""
import argparse
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import signal
import statistics
import sys
import time
from multiprocessing import get_context

WINDOW_S, AFTER_S, SILENT_S, BEGIN_S = 3.0, 1.0, 1.0, 30.0
PACKAGES = ("lerobot", "torch", "opencv-python-headless", "openpi-client", "websockets", "numpy")


def collect(pipe, until, heard, unpack):
    """Commands that come until then, into `heard`. False once whoever sends them has ended."""
    while (left := until - time.monotonic()) > 0:
        try:
            if pipe.poll(left):
                heard.append(unpack(pipe.recv_bytes()))
        except (EOFError, OSError):
            return False
    return True


def moves(command):
    return any(value != 0 for value in command[1:])  # NaN does


def judge(heard, since, mended):
    """What became of one fault between two times; heard is [(when, x, y)] of the whole trial."""
    before = [when for when, *_ in heard if when < since]
    during = [command for command in heard if since <= command[0] < mended]
    stop = next((command for command in during if not moves(command)), None)
    last = during[-1][0] if during else None
    times = ([before[-1]] if before else []) + [command[0] for command in during]
    trial = {"sent_nan": any(math.isnan(value) for command in during for value in command[1:]),
             "goes_on": any(moves(command) for command in heard if command[0] >= mended),
             "longest_gap_ms": 1000 * max((b - a for a, b in zip(times, times[1:])), default=0.0)}
    if stop:
        return {"outcome": "zero", "ms": 1000 * (stop[0] - since), **trial}
    if last is None or mended - last > SILENT_S:
        return {"outcome": "silent", "ms": 1000 * ((last or since) - since), **trial}
    return {"outcome": "moves", "ms": None, **trial}


def inject(fault, loop, shared, number):
    since = time.monotonic()
    if fault == "killed":
        os.kill(loop.server or loop.process.pid, signal.SIGKILL)
    elif fault in ("SIGTERM", "SIGINT"):
        os.kill(loop.process.pid, getattr(signal, fault))
    else:
        shared.value = number
    return since


class Running:
    """One loop in a process of its own."""

    def __init__(self, loops, name, shared, log):
        fork = get_context("fork")
        self.pipe, its = fork.Pipe(duplex=False)
        self.process = fork.Process(target=loops.run, args=(name, shared, its, log))
        self.process.start()
        its.close()
        self.server = int(self.pipe.recv_bytes()) if name in loops.SERVES else 0

    def end(self):
        for pid in (self.server, self.process.pid):
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.join()


def try_once(loops, name, fault, number, log):
    shared = get_context("fork").RawValue("i", 0)
    loop, heard, unpack = Running(loops, name, shared, log), [], loops.COMMAND.unpack
    try:
        deadline = time.monotonic() + BEGIN_S
        while not any(map(moves, heard)):
            if time.monotonic() > deadline or not collect(loop.pipe, time.monotonic() + 0.05, heard, unpack):
                raise SystemExit(f"{name} did not begin: {pathlib.Path(log).read_text()[-2000:]}")
        # At any time of the periods of camera, inference and tick: 37 has no divisor in common with them.
        collect(loop.pipe, time.monotonic() + 0.3 + 0.001 * (37 * number % 100), heard, unpack)
        since = inject(fault, loop, shared, loops.FAULTS.index(fault))
        mended = since + WINDOW_S
        collect(loop.pipe, mended, heard, unpack)
        time.sleep(max(0.0, mended - time.monotonic()))
        shared.value = 0
        ended = not loop.process.is_alive()
        collect(loop.pipe, mended + AFTER_S, heard, unpack)
        return {**judge(heard, since, mended), "ended": ended, "exit_code": loop.process.exitcode}
    finally:
        loop.end()


def summary(trials):
    times = sorted(trial["ms"] for trial in trials if trial["ms"] is not None)
    return {"outcomes": {outcome: sum(trial["outcome"] == outcome for trial in trials) for outcome in ("zero", "silent", "moves")},
            "p50_ms": statistics.median(times) if times else None, "max_ms": times[-1] if times else None,
            "longest_gap_ms": max(trial["longest_gap_ms"] for trial in trials),
            **{key: sum(trial[key] for trial in trials) for key in ("goes_on", "ended", "sent_nan")}, "trials": trials}


def text(row):
    """One cell of the table."""
    words = {"zero": f"zero after {row['p50_ms'] or 0:.0f} (max {row['max_ms'] or 0:.0f}) ms",
             "silent": f"silent after {row['p50_ms'] or 0:.0f} (max {row['max_ms'] or 0:.0f}) ms, last command moves",
             "moves": f"moves on ({WINDOW_S:.0f} s)"}
    count = len(row["trials"])
    cell = " / ".join(words[outcome] + ("" if n == count else f" in {n} of {count}") for outcome, n in row["outcomes"].items() if n)
    if row["sent_nan"]:
        cell += ", sends NaN"
    if row["ended"]:
        cell += ", ends"
    elif row["goes_on"] and not row["outcomes"]["moves"]:
        cell += ", goes on by itself"
    return cell


def main():
    parser = argparse.ArgumentParser(prog="script/robot-baselines")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--loop")
    parser.add_argument("--fault")
    options = parser.parse_args()
    import robot_baseline_loops as loops
    from robot_soak import machine

    names = [name for name in loops.LOOPS if options.loop in (None, name)]
    faults = [fault for fault in loops.FAULTS[1:] if options.fault in (None, fault)]
    if not names or not faults:
        parser.error(f"loops: {', '.join(loops.LOOPS)}; faults: {', '.join(loops.FAULTS[1:])}")
    if "lerobot" in names:
        import lerobot.scripts.lerobot_record  # noqa: F401  once, not in each trial
    options.work.mkdir(parents=True, exist_ok=True)
    rows, loads = [], []
    for fault in faults:
        for name in names:
            log = str(options.work / f"{name}.log")
            row = {"fault": fault, "loop": name, **summary([try_once(loops, name, fault, i, log) for i in range(options.trials)])}
            rows.append(row)
            loads.append(os.getloadavg()[0])
            print(f"{fault:17} | {name:13} | {text(row)}", flush=True)
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    whole = {"schema": "vlaq.robot_baselines/1", "machine": machine(), "load": {"mean": statistics.fmean(loads), "max": max(loads)},
             "versions": versions, "window_s": WINDOW_S, "rows": rows}
    (options.work / "robot_baselines.json").write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
