#!/usr/bin/env python3
"""What a checkpoint computes in PyTorch, stage by stage, for `vlaq verify --golden`; `vlaq golden` calls it.

    torch_golden.py CHECKPOINT POLICY.json FRAMES.safetensors OUT.safetensors [STATE_DICT]

POLICY.json has the keys of a bundle's: what the checkpoint does not say; STATE_DICT names one of several in it. FRAMES holds frames.u8 [T, H, W, 3]. OUT gets them with
pixel_values, the prompt, vision_last_hidden, image_embeds, text_last_hidden, features and the actions of every step. Frames are
resized by Pillow and computed by transformers and torch, so that nothing of vlaq stands on both sides of the comparison.
"""
import json
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import torch_policy

FILTERS = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR, "lanczos": Image.LANCZOS}
STATISTICS = {  # mean and standard deviation of red, green, blue, of pixels in [0, 1]
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


def pixels_of(frame, spec):
    """uint8 [H, W, 3] -> float32 [3, S, S]."""
    how, size = spec["preprocess"], spec["image_size"]
    if how["channel_order"] == "bgr":
        frame = frame[..., ::-1]
    resized = Image.fromarray(np.ascontiguousarray(frame)).resize((size, size), FILTERS[how["resize"]])
    mean, deviation = (np.array(values) for values in STATISTICS[how["normalise"]])
    return torch.from_numpy(((np.asarray(resized) / 255.0 - mean) / deviation).transpose(2, 0, 1).astype(np.float32))


def golden_of(policy, spec, frames):
    pixels = torch.stack([pixels_of(frame, spec) for frame in frames.numpy()])
    ids, mask, _ = policy.prompt
    stages = [policy.stages(frame[None]) for frame in pixels]
    found = {name: torch.cat([stage[name] for stage in stages]) for name in stages[0]}
    features, window = found["features"], spec["window"]
    actions = [policy.act(features[max(0, t - window + 1):t + 1][None])[0] for t in range(len(features))]
    found["actions"] = torch.stack(actions).view(len(features), spec["chunk"], spec["action_dim"])
    return {"frames.u8": frames, "pixel_values": pixels, "input_ids": ids, "attention_mask": mask, **found}


def main():
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    checkpoint, policy_file, frames, out = sys.argv[1:5]
    with open(policy_file) as file:
        spec = torch_policy.spec_of(json.load(file))
    with torch.inference_mode():
        found = golden_of(torch_policy.load(checkpoint, spec, state_dict=(sys.argv[5:] or [None])[0]), spec, load_file(frames)["frames.u8"])
    bad = [name for name, values in found.items() if values.is_floating_point() and not values.isfinite().all()]
    if bad:
        sys.exit(f"{checkpoint}: {', '.join(bad)}: not all numbers; a training that diverged leaves such weights")
    save_file({name: values.contiguous().clone() for name, values in found.items()}, out)


if __name__ == "__main__":
    main()
