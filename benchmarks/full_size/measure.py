#!/usr/bin/env python3
"""Measures the whole chain at full size (1,703,973,122 parameters) and compares it with PyTorch: docs/performance.md.

    script/full-size [--work DIR] [--threads N] [--rounds N] [--frames N]

Needs 15 GB of disk under --work and 16 GB of memory. vlaq and PyTorch take turns (A B A B ...), each in a process of its
own, on the same frames and the same number of threads; the ratio is taken within each round, so that a busy machine
slows both. Writes results.json and prints the tables of docs/performance.md. Python's standard library only.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import struct
import subprocess
import sys
import threading
import time


def say(text):
    print(text, file=sys.stderr, flush=True)


def available_bytes():
    line = next(line for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    return 1024 * int(line.split()[1])


class Measured:
    """Runs a command; wall time, peak resident memory, and the peak of its own (anonymous, not mapped) memory. What it
    writes to stderr goes to the stream `errors`, or to ours. Exit codes other than those of `accept` end the program. It
    is killed (`stopped`) before the machine has less than `keep_free` bytes left."""

    def __init__(self, *command, errors=None, accept=(0,), keep_free=0):
        say("$ " + " ".join(map(str, command)))
        self.own = self.resident = 0
        self.keep_free, self.stopped = keep_free, False
        started = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=errors, text=True)
        watcher = threading.Thread(target=self.watch, args=(process,))
        watcher.start()
        self.output = process.stdout.read()
        self.code = process.wait()
        self.seconds = time.perf_counter() - started
        watcher.join()
        if self.code not in accept and not self.stopped:
            sys.exit(f"measure: '{command[0]} {command[1]}' ended with {self.code}")

    def watch(self, process):
        fields = {"RssAnon:": "own", "VmHWM:": "resident"}
        while process.poll() is None:
            try:
                for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
                    name, *rest = line.split()
                    if name in fields:
                        setattr(self, fields[name], max(getattr(self, fields[name]), 1024 * int(rest[0])))
            except (OSError, ProcessLookupError):
                pass
            if self.keep_free and available_bytes() < self.keep_free:
                self.stopped = True
                process.kill()
            time.sleep(0.01)

    def row(self, what):
        return {"what": what, "seconds": self.seconds, "own_bytes": self.own, "resident_bytes": self.resident}


def write_frames(path, count):
    """Seeded camera-sized frames (720 x 1280) of colored blocks, as a safetensors file."""
    generator = random.Random(0)
    frames = bytearray()
    for _ in range(count):
        for _ in range(45):
            row = b"".join(generator.randbytes(3) * 16 for _ in range(80))
            frames += row * 16
    header = json.dumps({"frames.u8": {"dtype": "U8", "shape": [count, 720, 1280, 3],
                                       "data_offsets": [0, len(frames)]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + frames)


def copy_seconds(source, target):
    started = time.perf_counter()
    subprocess.run(["cp", str(source), str(target)], check=True)
    seconds = time.perf_counter() - started
    target.unlink()
    return seconds


def steady(document):
    """Median of the steps but the first, in ms: the first pays for page faults and caches."""
    return statistics.median(step["latency_ms"] for step in document["steps"][1:])


def largest_difference(a, b):
    return max(abs(x - y) for s, t in zip(a["steps"], b["steps"], strict=True)
               for p, q in zip(s["action"], t["action"], strict=True) for x, y in zip(p, q, strict=True))


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def chain(args, work):
    """synth -> inspect -> export, each measured; the checkpoint is --plain so that PyTorch takes it, too."""
    rows = []
    checkpoint, bundle = work / "full.pth", work / "mae0222"
    rows.append(Measured(args.vlaq, "synth", "checkpoint", "--size", "full", "--plain", "-o", checkpoint, "--force")
                .row("synth checkpoint --size full"))
    Measured(args.vlaq, "inspect", checkpoint)  # once, so that the next has a warm cache
    rows.append(Measured(args.vlaq, "inspect", checkpoint).row("inspect (warm cache)"))
    rows.append({"what": "cp, for comparison", "seconds": copy_seconds(checkpoint, work / "copy.pth")})
    rows.append(Measured(args.vlaq, "export", checkpoint, "-o", bundle, "--force").row("export"))
    return rows, checkpoint, bundle


def compare(args, work, checkpoint, bundle):
    frames = work / "frames.safetensors"
    write_frames(frames, args.frames)
    here = pathlib.Path(__file__).resolve().parent
    rounds, documents = [], {}
    for index in range(args.rounds):
        vlaq = Measured(args.vlaq, "run", bundle, "--frames", f"{frames}:frames.u8", "--threads", args.threads, "--json")
        torch = Measured(args.python, here / "pytorch_policy.py", checkpoint, bundle / "policy.json", frames, "--threads", args.threads)
        documents = {"vlaq": json.loads(vlaq.output), "pytorch": json.loads(torch.output)}
        row = {"vlaq_ms": steady(documents["vlaq"]), "pytorch_ms": steady(documents["pytorch"]),
               "difference": largest_difference(documents["vlaq"], documents["pytorch"]),
               "vlaq": vlaq.row("run"), "pytorch": torch.row("PyTorch")}
        row["ratio"] = row["pytorch_ms"] / row["vlaq_ms"]
        say(f"round {index + 1}: vlaq {row['vlaq_ms']:.0f} ms, PyTorch {row['pytorch_ms']:.0f} ms, "
            f"ratio {row['ratio']:.2f}, largest difference of actions {row['difference']:.1e}")
        rounds.append(row)
    return rounds, {name: document["runs_on"] for name, document in documents.items()}


def print_tables(result):
    print(f"{result['cpu']}, {result['cores']} cores, {result['threads']} threads, {result['frames']} frames\n")
    print("| step | time | own memory | resident |\n|---|---:|---:|---:|")
    for row in result["chain"]:
        memory = [f"{row[key] / 1e6:,.0f} MB" if key in row else "" for key in ("own_bytes", "resident_bytes")]
        print(f"| {row['what']} | {row['seconds']:.2f} s | {memory[0]} | {memory[1]} |")
    if not result["rounds"]:
        return
    for name in ("vlaq", "pytorch"):
        row = result["rounds"][-1][name]
        print(f"| {result['runs_on'][name]}: {result['frames']} frames with loading | {row['seconds']:.1f} s | "
              f"{row['own_bytes'] / 1e6:,.0f} MB | {row['resident_bytes'] / 1e6:,.0f} MB |")
    print("\n| round | vlaq, ms a frame | PyTorch, ms a frame | PyTorch / vlaq | largest difference of actions |")
    print("|---:|---:|---:|---:|---:|")
    for index, row in enumerate(result["rounds"]):
        print(f"| {index + 1} | {row['vlaq_ms']:.0f} | {row['pytorch_ms']:.0f} | {row['ratio']:.2f} | "
              f"{row['difference']:.1e} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vlaq", required=True)
    parser.add_argument("--python", help="a Python with torch and transformers; without it only the chain is measured")
    parser.add_argument("--work", default="full-size", help="a folder for 15 GB of files, removed afterwards")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--keep", action="store_true", help="keep the checkpoint and the bundle")
    args = parser.parse_args()
    work = pathlib.Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    rows, checkpoint, bundle = chain(args, work)
    rounds, runs_on = compare(args, work, checkpoint, bundle) if args.python else ([], {})
    result = {"schema": "vlaq.full-size/1", "cpu": cpu_name(), "cores": os.cpu_count(), "threads": args.threads,
              "frames": args.frames, "chain": rows, "rounds": rounds, "runs_on": runs_on}
    (work / "results.json").write_text(json.dumps(result, indent=1))
    print_tables(result)
    if not args.keep:
        shutil.rmtree(bundle)
        checkpoint.unlink()
        (work / "frames.safetensors").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
