#!/usr/bin/env python3
"""The full-size policy (1,703,973,122 parameters, random weights) on its way to a Jetson, as far as a machine without a GPU
goes: FP16 and INT8 bundles for TensorRT 8.6 and 10, `vlaq check` of each, and NVIDIA's own importer, which parses every
graph and builds engines of them. Time and memory of each step go to RESULTS and, as a table, into DOCUMENT.

    script/full-size-jetson WORK        Python's standard library only

TensorRT-RTX builds for every GPU at once and leaves kernels to be compiled later on, so its time and memory say that the
graph is taken whole, and nothing about a build on the board.
"""
import argparse
import json
import os
import pathlib
import re
import sys

from .measure import Measured, cpu_name, write_frames

TOP = pathlib.Path(__file__).resolve().parents[2]
CHECKER = TOP / "tests" / "tensorrt" / "import_check.py"
TARGETS = {"tensorrt-8.6": "8.6", "tensorrt-10": "10.3"}  # and the version that check is asked for
PRECISIONS = ("fp16", "int8")
PARTS = ("encoder", "head", "whole")
REFUSED = 5
KEEP_FREE = 1_500_000_000  # less than this, and Linux may end anything
CALIBRATION_FRAMES = 12
MARKS = ("<!-- full-size jetson: made by script/full-size-jetson -->", "<!-- end of full-size jetson -->")


class Preparation:
    def __init__(self, args):
        self.vlaq, self.tensorrt, self.work = args.vlaq, args.tensorrt, args.work
        self.source = self.work / "mae0222"
        self.stats = self.work / "stats.json"

    def made(self, path, *command):
        """What `command` took to make `path`, in this run or an earlier one."""
        took = path.with_name(path.name + ".took.json")
        if not took.exists():
            took.write_text(json.dumps(Measured(self.vlaq, *command, "--force").row(path.name)))
        return json.loads(took.read_text())

    def sources(self):
        checkpoint, frames = self.work / "full.pth", self.work / "frames.safetensors"
        if not frames.exists():
            write_frames(frames, CALIBRATION_FRAMES)
        return [self.made(checkpoint, "synth", "checkpoint", "--size", "full", "--plain", "-o", checkpoint),
                self.made(self.source, "export", checkpoint, "-o", self.source),
                self.made(self.stats, "calibrate", self.source, "--frames", f"{frames}:frames.u8", "--samples", CALIBRATION_FRAMES,
                          "--seed", 1, "-o", self.stats)]

    def check(self, bundle, version):
        run = Measured(self.vlaq, "check", bundle, "--tensorrt", version, "--json", accept=(0, REFUSED))
        said = json.loads(run.output)
        return {"version": version, **run.row("check"), "exit_code": run.code, **{key: said[key] for key in ("errors", "warnings", "notes")}}

    def imported(self, graph, build):
        command = (self.tensorrt, CHECKER, "--json", *(["--build"] if build else []), graph)
        run = Measured(*command, accept=(0, REFUSED), keep_free=KEEP_FREE)
        row = run.row("build" if build else "parse")
        if run.stopped:
            return {**row, "accepted": None, "why": f"stopped at {run.own / 1e9:.1f} GB of its own: the machine's memory was used up"}
        said = json.loads(run.output)[0]
        row["accepted"] = said["accepted"]
        if said["refused"]:
            row["why"] = f"{said['refused'][0]['operator']} {said['refused'][0]['why']}".strip()
        return {**row, **({"engine_bytes": said["engine_bytes"]} if "engine_bytes" in said else {})}

    def bundle(self, target, precision):
        path = self.work / f"{target}_{precision}"
        quantized = self.made(path, "quantize", self.source, "--target", target, "--precision", precision, "--stats", self.stats, "-o", path)
        graphs = json.loads((path / "policy.json").read_text())["graphs"]
        row = {"target": target, "precision": precision, "quantize": quantized,
               "bytes": sum(file.stat().st_size for file in path.iterdir()), "check": self.check(path, TARGETS[target]), "importer": {}}
        for part in PARTS:
            graph = path / graphs[part]["file"]
            row["importer"][part] = [self.imported(graph, build) for build in (False, True)]
        return row


def gigabytes(count):
    return f"{count / 1e9:.2f}"


def importer_cells(rows):
    parsed, built = rows
    cells = [f"{parsed['seconds']:.1f} s, {gigabytes(parsed['resident_bytes'])}" if parsed["accepted"] else "refused: " + parsed["why"]]
    if built["accepted"]:
        return [*cells, f"{built['seconds']:.0f} s, {gigabytes(built['resident_bytes'])}", gigabytes(built["engine_bytes"])]
    return [*cells, built["why"], "-"]


def table(result):
    lines = [f"{result['cpu']}, {result['cores']} cores; {result['importer']}.", "",
             "| bundle | GB | quantized in | check | graph | parsed, peak GB | engine built, peak GB | engine, GB |",
             "|---|---:|---:|---|---|---:|---:|---:|"]
    for bundle in result["bundles"]:
        check, made = bundle["check"], bundle["quantize"]
        head = [f"{bundle['target']} {bundle['precision']}", gigabytes(bundle["bytes"]),
                f"{made['seconds']:.0f} s, {gigabytes(made['own_bytes'])} GB",
                f"{check['version']}: {check['errors']} errors, {check['warnings']} warnings"]
        for part in PARTS:
            lines.append("| " + " | ".join([*head, part, *importer_cells(bundle["importer"][part])]) + " |")
            head = [""] * len(head)
    return "\n".join(lines) + "\n"


def put(document, text):
    begin, end = MARKS
    page = document.read_text()
    if not re.search(f"{begin}.*{end}", page, re.S):
        sys.exit(f"jetson: {document} has no marks for the table")
    document.write_text(page[:page.index(begin) + len(begin)] + "\n" + text + page[page.index(end):])


def importer_version(python):
    return "TensorRT-RTX " + Measured(python, "-c", "import tensorrt_rtx_bindings as t; print(t.__version__)").output.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vlaq", type=pathlib.Path, required=True)
    parser.add_argument("--tensorrt", type=pathlib.Path, required=True, help="a Python with tensorrt_rtx_bindings")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="a folder for 30 GB; what it holds already is used")
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--document", type=pathlib.Path, required=True)
    args = parser.parse_args()
    preparation = Preparation(args)
    result = {"schema": "vlaq.full-size-jetson/1", "cpu": cpu_name(), "cores": os.cpu_count(), "importer": importer_version(args.tensorrt),
              "sources": preparation.sources(), "bundles": []}
    for target in TARGETS:
        for precision in PRECISIONS:
            result["bundles"].append(preparation.bundle(target, precision))
    args.results.write_text(json.dumps(result, indent=1) + "\n")
    put(args.document, table(result))
    good = all(bundle["check"]["exit_code"] == 0 and all(rows[0]["accepted"] for rows in bundle["importer"].values()) for bundle in result["bundles"])
    return 0 if good else REFUSED


if __name__ == "__main__":
    sys.exit(main())
