"""script/robot-soak for a moment: soak_test.py SOAK WORK BUNDLE, with $VLAQ. Nothing here depends on time."""
import json
import os
import pathlib
import subprocess
import sys

SOAK, WORK, BUNDLE = sys.argv[1:]
THREADS = 2 * os.cpu_count() + 3  # more than inference would have without being asked
ran = subprocess.run([sys.executable, SOAK, WORK, BUNDLE, "--seconds", "3", "--untimed", "--", "--threads", str(THREADS)], check=False)
if ran.returncode != 0:
    sys.exit(ran.returncode)
whole = json.loads((pathlib.Path(WORK) / "robot_soak.json").read_text())
last = whole["samples"][-1]
assert whole["passed"] and whole["commands"]["heard"] > 0, whole["commands"]
assert whole["summary"]["ticks"] > 0 and whole["summary"]["inferences"] > 0, whole["summary"]
assert last["rss_kib"] == sum(part["rss_kib"] for part in last["parts"].values()) > 0
assert last["parts"]["inference"]["threads"] >= THREADS, f"--threads {THREADS} did not reach the process that computes: {last['parts']}"
