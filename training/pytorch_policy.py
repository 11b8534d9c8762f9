"""The trained policy in PyTorch, for comparison with vlaq: as a driver in closed loop, and over whole episodes.

    python -m training.pytorch_policy drive FOLDER                      what `vlaq eval --rollouts N --reference-program` starts
    python -m training.pytorch_policy actions FOLDER EPISODE.h5... -o FILE.safetensors [--frames]

drive: for every step one line of JSON {"reset": bool, "instruction": str, "width": W, "height": H} and H * W * 3 bytes
RGB on the standard input; one line {"action": [forward, left]} on the standard output, normalized. Ends with the input.
actions: tensors EPISODE.actions float32 [T, 1, 2] and, with --frames, EPISODE.frames uint8 [T, H, W, 3], where EPISODE
is the file's name without ".h5"; the instruction of each is in the file's metadata.
"""
import argparse
import collections
import json
import os
import pathlib
import sys

import h5py
import numpy as np
import torch
from safetensors.numpy import save_file

from . import saving
from .pixels import Normalizer, resized
from .policy import Prompts


class PytorchPolicy:
    """One episode at a time: reset(), then step() for every frame. One frame is encoded once; the LSTM runs from zero
    over the most recent `window` features at every step."""

    def __init__(self, folder):
        self.policy, self.tokenizer, spec, _ = saving.load_policy(folder)
        self.normalizer = Normalizer(spec["preprocess"]["normalise"])
        self.image_tokens = self.policy.kosmos_model.config.latent_query_num
        self.size = self.policy.kosmos_model.config.vision_config.image_size
        self.features = collections.deque(maxlen=spec["window"])
        self.prompts = {}

    def reset(self):
        self.features.clear()

    def _prompt(self, instruction):
        if instruction not in self.prompts:
            ids = self.tokenizer.prompt(instruction, self.image_tokens)
            self.prompts[instruction] = Prompts.stack([ids], self.image_tokens)
        return self.prompts[instruction]

    @torch.no_grad()
    def step(self, frame, instruction):
        """The normalized action, float32 [2], for a frame uint8 [H, W, 3]."""
        pixels = torch.from_numpy(self.normalizer(resized(frame, self.size)[None]))
        self.features.append(self.policy.features(pixels, self._prompt(instruction))[0])
        return self.policy.act(torch.stack(list(self.features))[None])[0, -1].numpy()

    def episode(self, frames, instruction):
        """float32 [T, 1, 2]"""
        self.reset()
        return np.stack([self.step(frame, instruction) for frame in frames])[:, None]


def drive(policy, source, sink):
    while line := source.readline():
        request = json.loads(line)
        if request.get("reset"):
            policy.reset()
        shape = (request["height"], request["width"], 3)
        pixels = source.read(int(np.prod(shape)))
        if len(pixels) != np.prod(shape):
            raise EOFError(f"the input ends within a frame: {len(pixels)} of {np.prod(shape)} bytes")
        action = policy.step(np.frombuffer(pixels, np.uint8).reshape(shape), request["instruction"])
        # 9 digits: the float32 comes back exactly.
        sink.write(json.dumps({"action": [float(f"{v:.9g}") for v in action]}).encode() + b"\n")
        sink.flush()


def write_actions(policy, files, output, with_frames=False):
    tensors, instructions = {}, {}
    for path in map(pathlib.Path, files):
        with h5py.File(path, "r") as file:
            frames, instruction = file["images"][:], file["language_instruction"][0].decode().rstrip("\0")
        tensors[f"{path.stem}.actions"] = policy.episode(frames, instruction)
        if with_frames:
            tensors[f"{path.stem}.frames"] = frames
        instructions[path.stem] = instruction
    save_file(tensors, output, metadata=instructions)


def main(arguments=None):
    p = argparse.ArgumentParser(prog="python -m training.pytorch_policy")
    verbs = p.add_subparsers(dest="verb", required=True)
    d = verbs.add_parser("drive")
    d.add_argument("folder")
    w = verbs.add_parser("actions")
    w.add_argument("folder")
    w.add_argument("episodes", nargs="+")
    w.add_argument("-o", "--output", required=True)
    w.add_argument("--frames", action="store_true", help="also write the frames, for `vlaq run --frames FILE:TENSOR`")
    for v in (d, w):
        v.add_argument("--threads", type=int, default=1)
    a = p.parse_args(arguments)
    torch.set_num_threads(a.threads)
    policy = PytorchPolicy(a.folder)
    if a.verb == "actions":
        write_actions(policy, a.episodes, a.output, a.frames)
        return
    # Whatever a library prints must not get into the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    drive(policy, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
