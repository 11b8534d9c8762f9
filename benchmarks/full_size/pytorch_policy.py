#!/usr/bin/env python3
"""The policy in PyTorch (python/torch_policy.py; eager, fp32), run frame by frame on camera frames.

The counterpart of `vlaq run --json` for the full-size comparison: same checkpoint, same frames, same streaming (one new
frame encoded per step, features of the last frames of the window cached), same JSON.
"""
import argparse
import json
import pathlib
import resource
import sys
import time

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
import torch_policy  # noqa: E402

CLIP_MEAN = np.array((0.48145466, 0.4578275, 0.40821073))
CLIP_STD = np.array((0.26862954, 0.26130258, 0.27577711))


def preprocess(frame):
    image = np.asarray(Image.fromarray(frame).resize((224, 224), Image.BICUBIC), np.float64) / 255
    return torch.tensor(((image - CLIP_MEAN) / CLIP_STD).transpose(2, 0, 1)[None], dtype=torch.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("policy", type=pathlib.Path, help="the bundle's policy.json, which says what the checkpoint does not")
    parser.add_argument("frames", help="a .safetensors file with frames.u8 [T, H, W, 3]")
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    spec = torch_policy.spec_of(json.loads(args.policy.read_text()))
    started = time.perf_counter()
    policy = torch_policy.load(args.checkpoint, spec)
    loaded = time.perf_counter() - started
    features, steps = [], []
    with torch.inference_mode():
        for t, frame in enumerate(load_file(args.frames)["frames.u8"]):
            started = time.perf_counter()
            features = [*features, policy.encode(preprocess(frame))][-spec["window"]:]
            action = policy.act(torch.stack(features, 1))[0]
            steps.append({"t": t, "action": [action.tolist()], "latency_ms": 1000 * (time.perf_counter() - started)})
    print(json.dumps({"runs_on": f"PyTorch {torch.__version__}, eager, fp32, {args.threads} threads", "load_s": loaded,
                      "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "steps": steps}))


if __name__ == "__main__":
    main()
