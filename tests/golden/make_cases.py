#!/usr/bin/env python3
"""Remakes testdata/golden from testdata/golden/cases.json with PyTorch and transformers.

  tests/golden/make_cases.py GENERATOR [OUT]

GENERATOR is the project's make_golden.py (it describes every file). Of each case checkpoint.pth, config.json,
policy.json and golden.safetensors stay; the copy as model.safetensors only where cases.json asks for it ("keep").
"""
import importlib.util
import json
import pathlib
import sys

import make_fork_case

HERE = pathlib.Path(__file__).resolve().parent


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    spec = importlib.util.spec_from_file_location("generator", sys.argv[1])
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    make_fork_case.teach(generator)
    folder = HERE.parent.parent / "testdata" / "golden"
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else folder
    cases = json.loads((folder / "cases.json").read_text())
    tiny = cases.pop("tiny")
    for seed, (name, changes) in enumerate(cases.items()):
        keep = changes.pop("keep", [])
        generator.build(str(out), name, {**generator.BASE, **tiny, **changes}, 7000 + seed)
        if "model.safetensors" not in keep:
            (out / name / "model.safetensors").unlink()


main()
