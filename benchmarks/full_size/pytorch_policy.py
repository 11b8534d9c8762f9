#!/usr/bin/env python3
"""The policy in PyTorch (transformers' Kosmos2Model, torch.nn.LSTM, MLP; eager, fp32), run frame by frame.

The counterpart of `vlaq run --json` for the full-size comparison: same checkpoint, same frames, same streaming (one new
frame encoded per step, features of the last 8 frames cached), same JSON. Kosmos-2's published configuration is assumed.
"""
import argparse
import json
import resource
import time

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file
from torch import nn
from transformers import Kosmos2Config, Kosmos2Model

WINDOW = 8
CLIP_MEAN = np.array((0.48145466, 0.4578275, 0.40821073))
CLIP_STD = np.array((0.26862954, 0.26130258, 0.27577711))
PROMPT = [0, 64003, *range(4, 68), 64004, 64012, 712, 1648, 9]  # "<grounding>An image of"


class Policy(nn.Module):
    """Names as in the original's state dict."""

    def __init__(self):
        super().__init__()
        config = Kosmos2Config()
        config._attn_implementation = "eager"
        self.kosmos_model = Kosmos2Model(config)
        self.rnn = nn.LSTM(2048, 1024, 4, batch_first=True)
        self.actions = nn.Module()
        self.actions.mlp = nn.Sequential(nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(),
                                         nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 2), nn.Tanh())

    def encode(self, pixels, ids, image_mask):
        hidden = self.kosmos_model(pixel_values=pixels, input_ids=ids, attention_mask=torch.ones_like(ids),
                                   image_embeds_position_mask=image_mask).last_hidden_state
        return hidden.mean(1)

    def act(self, features):
        return self.actions.mlp(self.rnn(features)[0][:, -1])


def load(checkpoint):
    with torch.device("meta"):
        policy = Policy()
    state = torch.load(checkpoint, weights_only=True)["model_state_dict"]
    policy.load_state_dict(state, strict=True, assign=True)
    for name, module in policy.named_modules():  # buffers that no checkpoint stores were made on "meta"
        if name.endswith("embed_positions"):
            module.make_weights(module.weights.shape[0], module.weights.shape[1], 1)
            if module.weights.is_meta:
                module.weights = module.get_embedding(2050, 2048, 1)
        if name.endswith("vision_model.model.embeddings"):
            module.position_ids = torch.arange(257)[None]
    return policy.float().eval()


def preprocess(frame):
    image = np.asarray(Image.fromarray(frame).resize((224, 224), Image.BICUBIC), np.float64) / 255
    return torch.tensor(((image - CLIP_MEAN) / CLIP_STD).transpose(2, 0, 1)[None], dtype=torch.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("frames", help="a .safetensors file with frames.u8 [T, H, W, 3]")
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    started = time.perf_counter()
    policy = load(args.checkpoint)
    loaded = time.perf_counter() - started
    ids = torch.tensor([PROMPT])
    image_mask = torch.zeros_like(ids)
    image_mask[:, 2:66] = 1
    features, steps = [], []
    with torch.inference_mode():
        for t, frame in enumerate(load_file(args.frames)["frames.u8"]):
            started = time.perf_counter()
            features = [*features, policy.encode(preprocess(frame), ids, image_mask)][-WINDOW:]
            action = policy.act(torch.stack(features, 1))[0]
            steps.append({"t": t, "action": [action.tolist()], "latency_ms": 1000 * (time.perf_counter() - started)})
    print(json.dumps({"runs_on": f"PyTorch {torch.__version__}, eager, fp32, {args.threads} threads", "load_s": loaded,
                      "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "steps": steps}))


if __name__ == "__main__":
    main()
