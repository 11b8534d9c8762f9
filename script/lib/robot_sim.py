"""Of script/robot-sim, which says what it does. Standard library only."""
import argparse
import json
import math
import os
import pathlib
import subprocess


def vlaq(*arguments):
    program = os.environ.get("VLAQ", "build/vlaq")
    ran = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout)


def mcnemar(first, second):
    """Two-sided p that as many or more seeds went to one side by chance alone."""
    only_first = sum(a and not b for a, b in zip(first, second))
    only_second = sum(b and not a for a, b in zip(first, second))
    differ = only_first + only_second
    tail = sum(math.comb(differ, k) for k in range(min(only_first, only_second) + 1)) / 2**differ
    return only_first, only_second, min(1.0, 2 * tail)


def direct(bundle, options):
    document = vlaq("eval", bundle, "--rollouts", options.rollouts, "--seed", options.seed, "--ablation", "none", "--json")
    return [outcome["succeeded"] for outcome in document["policy"]["ablations"][0]["outcomes"]]


def through_dds(bundle, options, *extra):
    document = vlaq("robot", bundle, "--sim", "--rollouts", options.rollouts, "--seed", options.seed, "--json", *extra)
    return [drive["succeeded"] for drive in document["drives"]]


def main():
    parser = argparse.ArgumentParser(prog="script/robot-sim")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("bundle", nargs="+")
    parser.add_argument("--rollouts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=5_000_000)
    parser.add_argument("--real-time", action="store_true", help="by the clock too; takes some 7 s an episode")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for bundle in options.bundle:
        evaluated = direct(bundle, options)
        ways = {"simulated time": through_dds(bundle, options)}
        if options.real_time:
            ways["real time"] = through_dds(bundle, options, "--real-time")
        for way, driven in ways.items():
            only_direct, only_driven, p = mcnemar(evaluated, driven)
            rows.append({"bundle": bundle, "way": way, "rollouts": options.rollouts, "direct": sum(evaluated), "through_dds": sum(driven),
                         "only_direct": only_direct, "only_through_dds": only_driven, "p": p})
            print(f"{bundle}, {way}: {sum(evaluated)} of {options.rollouts} directly, {sum(driven)} through DDS; "
                  f"{only_direct} only directly, {only_driven} only through DDS, p = {p:.3g}", flush=True)
    (options.work / "robot_sim.json").write_text(json.dumps({"schema": "vlaq.robot_sim/1", "rows": rows}, indent=2) + "\n")


main()
