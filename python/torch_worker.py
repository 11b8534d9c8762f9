#!/usr/bin/env python3
"""Answers the questions of `vlaq bench` about a policy in PyTorch: one line of JSON in, one out (docs/benchmarks.md).

    torch_worker.py CHECKPOINT POLICY.json [--streaming] [--compile]

POLICY.json is a bundle's: it says what the checkpoint does not. --streaming encodes one new frame a step and keeps the features
of the last ones; without it every step encodes the whole window, as the original does. --compile: torch.compile.
"""
import argparse
import json
import math
import sys
import time

import torch
from safetensors.torch import load_file

import torch_policy


class Worker:
    def __init__(self, args):
        self.args = args
        with open(args.policy) as file:
            self.spec = torch_policy.spec_of(json.load(file))

    def hello(self, question):
        begin = time.monotonic_ns()
        torch.set_num_threads(question["threads"])
        self.batch, self.window = question["batch"], self.spec["window"]
        if self.args.streaming and self.batch != 1:
            raise ValueError("a streaming policy has one robot: no batch")
        self.frames = load_file(question["inputs"])["frames"].clone()
        self.policy = torch_policy.load(self.args.checkpoint, self.spec)
        self.features = [None] * len(self.frames)
        self.encode, self.whole = self.policy.encode, self.policy.forward
        if self.args.compile:
            self.encode, self.whole = torch.compile(self.encode), torch.compile(self.whole)
        return {"ready": True, "runs_on": f"PyTorch {torch.__version__}, {'torch.compile' if self.args.compile else 'eager'}, fp32, "
                                          f"{torch.get_num_threads()} threads",
                "precision": "fp32", "parameters": self.policy.parameters_used,
                "threads": torch.get_num_threads(), "load_ns": time.monotonic_ns() - begin}

    def window_of(self, newest):
        return [i % len(self.frames) for i in range(newest - self.window + 1, newest + 1)]

    def prepare(self, newest):
        """Features that earlier steps would have left behind; the newest frame is the step's own work, and done twice it is quicker."""
        if self.args.streaming:
            for i in self.window_of(newest):
                if i != newest and self.features[i] is None:
                    self.features[i] = self.encode(self.frames[i][None])[0]

    def step(self, newest):
        window = self.window_of(newest)
        if not self.args.streaming:
            return self.whole(self.frames[window][None].expand(self.batch, *([-1] * 5)).contiguous().view(self.batch, self.window, *self.frames.shape[1:]))[0]
        self.features[newest] = self.encode(self.frames[newest][None])[0]
        return self.policy.act(torch.stack([self.features[i] for i in window])[None])[0]

    def run(self, question):
        answer = {"start_ns": [], "wall_ns": [], "cpu_ns": [], "actions": []}
        for newest in question["run"]:
            self.prepare(newest)
            cpu, begin = time.process_time_ns(), time.monotonic_ns()
            action = self.step(newest)
            end, cpu_end = time.monotonic_ns(), time.process_time_ns()
            answer["start_ns"].append(begin)
            answer["wall_ns"].append(end - begin)
            answer["cpu_ns"].append(cpu_end - cpu)
            answer["actions"].append([value if math.isfinite(value) else None for value in action.flatten().tolist()])
        if not question.get("keep", True):
            del answer["actions"]
        return answer

    def answer(self, question):
        if "hello" in question:
            return self.hello(question)
        if "profile" in question:
            return {"operators": None}
        return self.run(question)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("policy")
    parser.add_argument("--streaming", action="store_true")
    parser.add_argument("--compile", action="store_true")
    worker = Worker(parser.parse_args())
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    with torch.inference_mode():
        for line in sys.stdin:
            try:
                answer = worker.answer(json.loads(line))
            except (Exception, SystemExit) as error:  # whatever a library throws: the benchmark names the subject
                answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
