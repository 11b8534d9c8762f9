#!/usr/bin/env python3
"""Quantizes one policy with every quantizer of makers.py and measures what becomes of it: size, error over episodes that
were neither trained nor calibrated on, paired rollouts in the simulator, time of a step, and what quantizing costs.

    script/quantization [--bundle DIR] ...       docs/quantization.md says what the figures mean

Every row is made and measured in processes of its own. This one uses the standard library only: what a child's peak
memory shows would otherwise begin with its parent's. A row that cannot be made or run stays, with the reason.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

from benchmarks.full_size.measure import Measured, cpu_name, say

from .makers import MAKERS

TOP = pathlib.Path(__file__).resolve().parents[2]
HELD_OUT = TOP / "models" / "mini_mobile_vla" / "held_out"
# script/driving trains and chooses with seeds 1000000 to 4999999 and holds 6000000 on out.
CALIBRATION_SEED, EPISODES_SEED, ROLLOUT_SEED = 8_000_000, 8_500_000, 5_000_000


class Failed(Exception):
    pass


def measured(command, errors):
    """A `Measured`; Failed with the end of what the command wrote to `errors`."""
    try:
        with open(errors, "w") as stream:
            return Measured(*command, errors=stream)
    except SystemExit as why:
        lines = [line.strip() for line in errors.read_text(errors="replace").splitlines() if line.strip()]
        said = next((line for line in lines if line.startswith("vlaq:")), (lines or [str(why)])[-1])
        raise Failed(said[:240]) from why


class Comparison:
    def __init__(self, args):
        self.args, self.work = args, args.work
        self.bundles = self.work / "bundles"
        self.bundles.mkdir(parents=True, exist_ok=True)
        self.source = args.bundle
        self.words = {"vlaq": args.vlaq, "python": args.python, "source": self.source, "samples": self.work / "samples.npz",
                      "count": args.samples, "seed": args.seed, "stats": self.work / "stats.json"}

    def python(self, module, *arguments, errors="python.err"):
        command = (self.args.python, "-m", f"benchmarks.quantization.{module}", *arguments)
        return measured(command, self.work / errors).output

    def vlaq(self, *arguments):
        return measured((self.args.vlaq, *arguments), self.work / "vlaq.err").output

    def record(self, name, count, seed, *options):
        folder = self.work / name
        if len(list(folder.glob("*.h5"))) != count:
            self.vlaq("sim", "record", "-o", folder, "--episodes", count, "--seed", seed, "--force", *options)
        return folder

    def prepare(self):
        if self.args.pictures:
            self.calibration, self.episodes = "pictures", "pictures"
            frames = self.work / "frames.safetensors"
            self.python("samples", self.source, "pictures", self.words["samples"], "--count", self.args.samples, "--frames", frames)
            self.words["calibration"] = ("--frames", f"{frames}:frames.u8")
            return
        # Also off the way, as the policy was trained; otherwise ranges of such frames are never seen.
        self.calibration = self.record("calibration", 100, CALIBRATION_SEED, "--perturb")
        self.episodes = self.record("episodes", 150, EPISODES_SEED)
        self.python("samples", self.source, self.calibration, self.words["samples"], "--count", self.args.samples)
        self.words["calibration"] = ("--episodes", self.calibration)

    def command(self, template, out):
        words = []
        for word in template:
            if word == "{calibration}":
                words += self.words["calibration"]
            else:
                words.append(word.format(out=out, **self.words))
        return words

    def make(self, maker):
        """{"seconds", "own_bytes", "resident_bytes", "commands"}: time summed, memory of the largest."""
        out = self.bundles / maker.name
        shutil.rmtree(out, ignore_errors=True)
        runs = [measured(self.command(template, out), self.work / f"{maker.name}.err") for template in maker.commands]
        return {"seconds": sum(run.seconds for run in runs), "own_bytes": max(run.own for run in runs),
                "resident_bytes": max(run.resident for run in runs)}

    def open_loop(self, bundle, folder):
        document = json.loads(self.vlaq("eval", bundle, "--episodes", folder, "--threads", self.args.threads[0], "--json"))
        return document["policy"]["ablations"][0]["summary"]["mae"]

    def rollouts(self, bundle):
        """Paired with the source on the same seeds."""
        document = json.loads(self.vlaq("eval", self.source, "--reference", bundle, "--rollouts", self.args.rollouts, "--seed",
                                        ROLLOUT_SEED, "--threads", 2, "--json"))
        pair, own = document["comparison"][0], document["reference"]["ablations"][0]["summary"]["success"]
        return {"successes": own["count"], "of": own["of"], "only_source": pair["only_policy"], "only_this": pair["only_reference"],
                "mcnemar_p": pair["mcnemar_p"]}

    def importer(self, bundle):
        """What NVIDIA's importer says of encoder and head: null, or the first node it refuses and why."""
        graphs = json.loads((bundle / "policy.json").read_text())["graphs"]
        done = subprocess.run([self.args.tensorrt, TOP / "tests" / "tensorrt" / "import_check.py", "--json",
                               *([] if self.args.pictures else ["--build"]), *(bundle / graphs[part]["file"] for part in ("encoder", "head"))],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode not in (0, 5):
            raise Failed(f"import_check.py ended with {done.returncode}")
        refused = [reason for result in json.loads(done.stdout) for reason in result["refused"]]
        return f"{refused[0]['operator']} {refused[0]['why']}"[:160].strip() if refused else None

    def evaluate(self, row, bundle):
        row["bytes"] = int(self.python("bundles", bundle))
        if self.args.tensorrt:
            row["importer"] = {"refused": self.importer(bundle)}
        if self.args.pictures:
            return
        row["mae"] = self.open_loop(bundle, self.episodes)
        row["mae_held_out"] = self.open_loop(bundle, HELD_OUT)
        if self.args.rollouts:
            row["rollouts"] = self.rollouts(bundle)

    def attempt(self, row, what, act):
        try:
            return act()
        except Failed as why:
            say(f"  {row['name']}: {what} failed: {why}")
            row.setdefault("failed", {})[what] = str(why)
        return None

    def latency(self, rows, engine, threads):
        args = self.args
        paths = {str(self.path(row)): row for row in rows}
        document = json.loads(self.python("latency", self.words["samples"], *paths, "--engine", engine, "--threads", threads,
                                          "--rounds", args.rounds, "--steps", args.steps, *(["--reopen"] if args.pictures else [])))
        for path, times in document["bundles"].items():
            paths[path].setdefault("latency", {})[f"{engine}-{threads}"] = times
        for path, why in document["refused"].items():
            paths[path].setdefault("failed", {})[engine] = why

    def path(self, row):
        return self.source if row["name"] == "source" else self.bundles / row["name"]

    def run(self):
        self.prepare()
        rows = [{"name": "source", "tool": "", "what": "fp32"}]
        self.evaluate(rows[0], self.source)
        for maker in MAKERS:
            if (self.args.pictures and not maker.full) or not any(word in maker.name for word in self.args.only):
                continue
            row = {"name": maker.name, "tool": maker.tool, "what": maker.what}
            rows.append(row)
            row["made"] = self.attempt(row, "quantizing", lambda: self.make(maker))
            if row["made"]:
                self.attempt(row, "evaluating", lambda: self.evaluate(row, self.path(row)))
        runnable = [row for row in rows if "failed" not in row]
        data = [str(self.path(row)) for row in runnable]
        document = json.loads(self.python("actions", self.episodes, *data))
        for row in runnable:
            row["actions"] = document["bundles"].get(str(self.path(row)))
        # At full size each one is opened anew in every round; what a CPU says about bundles for TensorRT is not worth that.
        timed = [row for row in runnable if not (self.args.pictures and "tensorrt" in row["name"])]
        for threads in self.args.threads:
            for engine in self.args.engines:
                try:
                    self.latency(timed, engine, threads)
                except Failed as why:
                    say(f"  times of {engine} with {threads} threads failed: {why}")
        return {"schema": "vlaq.quantization/1", "policy": self.args.name, "cpu": cpu_name(), "cores": os.cpu_count(),
                "python": platform.python_version(), "versions": json.loads(self.python("engines")), "commit": commit(),
                "samples": self.args.samples, "steps": document["steps"], "data": "pictures" if self.args.pictures else "episodes",
                "rows": rows}


def commit():
    done = subprocess.run(["git", "-C", TOP, "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vlaq", required=True, type=pathlib.Path)
    parser.add_argument("--python", required=True, type=pathlib.Path, help="one with requirements.txt beside this file")
    parser.add_argument("--tensorrt", type=pathlib.Path, help="a Python with NVIDIA's importer")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="everything is left here")
    parser.add_argument("--bundle", required=True, type=pathlib.Path, help="fp32, as vlaq export makes it")
    parser.add_argument("--name", required=True, help="of the policy, in the results")
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path, help="the results, as JSON")
    parser.add_argument("--pictures", action="store_true",
                        help="no episodes, no simulator: colored blocks, for size and time of a policy without data")
    parser.add_argument("--samples", type=int, default=256, help="calibration frames")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rollouts", type=int, default=200, help="0: no simulator")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each bundle in a round")
    parser.add_argument("--engines", nargs="+", default=["onnxruntime", "openvino"])
    parser.add_argument("--only", nargs="+", default=[""], help="parts of names of makers.py")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(TOP)
    results = Comparison(args).run()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(results, indent=1) + "\n")
    say(f"results: {args.output}")


if __name__ == "__main__":
    sys.exit(main())
