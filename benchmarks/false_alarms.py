"""Counts verdicts of difference where there is none: false_alarms.py VLAQ WORK REPETITIONS SECONDS (script/false-alarms)."""
import json
import pathlib
import subprocess
import sys

vlaq, work, repetitions, seconds = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])


def alarms_of(protocol):
    files = [work / f"{protocol}_{i}.json" for i in range(1, repetitions + 1)]
    runs = [json.loads(file.read_text()) for file in files]
    pairs = [run["comparisons"][0] for run in runs]
    gates = []
    for before, after in zip(files, files[1:]):
        # A gate of a team's CI: 5 % slower with the whole interval. Other load may have made a run INVALID.
        ran = subprocess.run([vlaq, "compare", before, after, "--allow-different", "--json"], capture_output=True, text=True, check=False)
        assert ran.returncode in (0, 5, 6), ran.stderr  # 6: too few rounds to tell
        gates.append(ran.returncode == 5)
    return runs[0]["machine"]["cpu"], {
        "pairs_called_different": sum(pair["verdict"] in ("first faster", "second faster") for pair in pairs),
        "pairs_not_judged": sum(pair["verdict"].startswith(("not judged", "cannot tell")) for pair in pairs),
        "ratios": [round(pair["ratio"]["median"], 4) for pair in pairs],
        "gates_failed": sum(gates), "gates": len(gates),
        "states": sorted(subject["verdict"]["state"] for run in runs for subject in run["subjects"]),
    }


protocols = {protocol: alarms_of(protocol) for protocol in ("serving", "published", "control")}
print(json.dumps({"cpu": protocols["serving"][0], "repetitions": repetitions, "seconds_each": seconds,
                  "protocols": {name: alarms for name, (_, alarms) in protocols.items()}}, indent=1))
