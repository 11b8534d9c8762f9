#!/usr/bin/env python3
"""The steps of .ci/run, after it has installed what they need: ./.ci/run [--keep-going] [--limit SECONDS]

Two lanes, so that no core waits: `front` runs in its order, what fails cheaply first; `back` builds ahead at the lowest priority and gets
what the front leaves, while tests wait or a build links. A step of the front that needs something built waits for it, and
then the builder has the machine to itself. The first failure stops everything, or with --keep-going what depends on it.
Each step's output is in build/ci-log; its end is shown.
"""
import argparse
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LOGS = TOP / "build/ci-log"
JOBS = str(int(os.environ.get("VLAQ_JOBS", 0)) or len(os.sched_getaffinity(0)))


@dataclasses.dataclass
class Step:
    name: str
    command: list
    after: tuple = ()
    shown: int = 4  # lines of the output's end that are shown when all is well


FRONT = [
    Step("format", ["script/check", "--run", "format"]),
    Step("modules", ["script/check-modules"]),
    Step("words", ["script/check-words"]),
    Step("tidy", ["script/check", "--run", "tidy"]),
    Step("build ci", ["script/build", "ci"]),
    Step("tests", ["ctest", "--preset", "ci", "-j", JOBS], ("build ci",), 25),
    Step("asan", ["script/check", "--run", "asan"], ("build asan",), 12),
    Step("tsan", ["script/check", "--run", "tsan"], ("build tsan",), 12),
    Step("fuzz", ["script/check", "--run", "fuzz"], ("build asan",), 12),
    Step("aarch64", ["script/check", "--run", "aarch64"], ("build aarch64",)),
]
BACK = [
    Step("build asan", ["script/check", "--build", "asan", "fuzz"]),
    Step("build tsan", ["script/check", "--build", "tsan"]),
    Step("build aarch64", ["script/check", "--build", "aarch64"]),
]


def prepare(niceness):
    """A group of its own, to be ended together; not a session, for Linux would then share the cores by session whatever the niceness."""
    os.setpgid(0, 0)
    os.nice(niceness)


class Run:
    """What has happened so far, shared by the lanes."""

    def __init__(self, keep_going, begin):
        self.keep_going, self.begin = keep_going, begin
        self.changed = threading.Condition()
        self.ended = {}  # step's name -> whether it went well
        self.rows = []
        self.processes = set()
        self.stopped = False

    def stop(self):
        with self.changed:
            self.stopped = True
            for process in self.processes:
                try:
                    os.killpg(process.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
            self.changed.notify_all()

    def lane(self, steps, niceness):
        for step in steps:
            with self.changed:
                self.changed.wait_for(lambda: self.stopped or all(name in self.ended for name in step.after))
                if self.stopped:
                    return
                go = all(self.ended[name] for name in step.after)
            well = go and self.execute(step, niceness)
            with self.changed:
                self.ended[step.name] = well
                self.changed.notify_all()
            if not well and not self.keep_going:
                self.stop()

    def execute(self, step, niceness):
        begin = time.monotonic()
        log = LOGS / (step.name.replace(" ", "-") + ".log")
        with open(log, "wb") as output:
            with self.changed:  # so that stop() sees either the process or nothing that will become one
                if self.stopped:
                    return False
                process = subprocess.Popen(step.command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                           preexec_fn=lambda: prepare(niceness))
                self.processes.add(process)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - begin
        with self.changed:
            self.processes.discard(process)
            if self.stopped and process.returncode:
                return False  # ended by us
            well = process.returncode == 0
            self.rows.append((step.name, wall, usage.ru_utime + usage.ru_stime, "ok" if well else "FAILED"))
            print(f"\n--- {step.name}: {'ok' if well else 'FAILED'} after {wall:.0f} s, {time.time() - self.begin:.0f} s since the start", flush=True)
            lines = log.read_text(errors="replace").splitlines()
            print("\n".join(lines[-(step.shown if well else 200):]), flush=True)
        return well

    def table(self, limit):
        total = time.time() - self.begin
        lines = [f"\n{'step':<16}{'wall s':>8}{'CPU s':>8}"]
        lines += [f"{name:<16}{wall:>8.0f}{cpu:>8.0f}  {how}" for name, wall, cpu, how in self.rows]
        cpu = sum(row[2] for row in self.rows)
        lines.append(f"{'all':<16}{total:>8.0f}{cpu:>8.0f}  {100 * total / limit:.0f} % of the {limit:.0f} s that it should take at most")
        return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog=".ci/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep-going", action="store_true", help="show every failure, not only the first")
    parser.add_argument("--limit", type=float, default=2700, metavar="SECONDS")
    parser.add_argument("--began", type=float, default=time.time(), help=argparse.SUPPRESS)
    args = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    run = Run(args.keep_going, args.began)
    run.rows.append(("setup", time.time() - args.began, 0.0, "ok"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lanes = [threading.Thread(target=run.lane, args=(FRONT, 0)), threading.Thread(target=run.lane, args=(BACK, 19))]
    try:
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    finally:
        run.stop()
    failed = [name for name, *_, how in run.rows if how != "ok"]
    print(run.table(args.limit), flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all passed", flush=True)
    return 1 if failed or len(run.ended) < len(FRONT) + len(BACK) else 0


if __name__ == "__main__":
    sys.exit(main())
