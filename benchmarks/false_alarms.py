"""Counts verdicts of difference where there is none: false_alarms.py VLAQ WORK REPETITIONS SECONDS (script/false-alarms)."""
import json
import pathlib
import subprocess
import sys

vlaq, work, repetitions, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
runs = [json.loads((work / f"run_{i}.json").read_text()) for i in range(1, repetitions + 1)]
pairs = [run["comparisons"][0] for run in runs]
gates = []
for i in range(1, repetitions):
    # A gate of a team's CI: 5 % slower with the whole interval. Other load may have made a run INVALID.
    ran = subprocess.run([vlaq, "compare", work / f"run_{i}.json", work / f"run_{i + 1}.json", "--allow-different", "--json"],
                         capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 5), ran.stderr  # 6: too few rounds, so a larger SECONDS
    gates.append(ran.returncode == 5)
print(json.dumps({
    "cpu": runs[0]["machine"]["cpu"], "repetitions": repetitions, "seconds_each": seconds,
    "pairs_called_different": sum(pair["verdict"] in ("first faster", "second faster") for pair in pairs),
    "ratios": [round(pair["ratio"]["median"], 4) for pair in pairs],
    "gates_failed": sum(gates), "gates": len(gates),
    "states": sorted(subject["verdict"]["state"] for run in runs for subject in run["subjects"]),
}, indent=1))
