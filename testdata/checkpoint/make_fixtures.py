#!/usr/bin/env python3
"""Makes the checkpoints beside this script with real PyTorch, and for each a safetensors twin with the same values.

    pip install torch numpy safetensors
    python make_fixtures.py            # made with torch 2.15, numpy 2

Needed only to make them again; the tests read the files. NAME.pth is compared with NAME.safetensors tensor by tensor.
"""
import argparse
import os
import collections

import numpy as np
import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
G = torch.Generator().manual_seed(7)


def randn(*shape):
    return torch.randn(*shape, generator=G)


def save(name, checkpoint, tensors, **options):
    torch.save(checkpoint, os.path.join(HERE, name + ".pth"), **options)
    packed = {k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    save_file(packed, os.path.join(HERE, name + ".safetensors"), metadata={"format": "pt"})


def dtypes():
    names = ["float32", "float16", "bfloat16", "float64", "int8", "uint8", "int16", "int32", "int64", "uint16", "uint32",
             "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "complex64"]
    out = {}
    for name in names:
        values = randn(3, 5) * 20
        out[name] = (values.abs() if name.startswith("uint") else values).to(getattr(torch, name))
    out["bool"] = randn(3, 5) > 0
    save("dtypes", out, out)


def views():
    base = randn(6, 8)
    flat = randn(40)
    out = collections.OrderedDict()
    out["base"] = base
    out["transposed"] = base.t()
    out["columns"] = base[:, 2:5]
    out["every_second_row"] = base[::2]
    out["permuted"] = base.view(2, 3, 8).permute(2, 0, 1)
    out["channels_last"] = randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    out["expanded"] = flat[:4].expand(3, 4)
    out["zero_dim"] = torch.tensor(2.5)
    out["one_element_view"] = flat[17]
    out["empty"] = torch.empty(0)
    out["empty_2d"] = torch.empty(0, 7)
    out["tail"] = flat[30:]
    out["tied_a"] = flat
    out["tied_b"] = flat
    out["parameter"] = torch.nn.Parameter(randn(2, 2))
    save("views", {"state_dict": out}, out)


def trainer():
    """As a training script saves it: a module with a head, optimizer state, a Namespace, NumPy scalars."""
    torch.manual_seed(7)
    model = torch.nn.Sequential(collections.OrderedDict(
        encoder=torch.nn.Linear(4, 6), rnn=torch.nn.LSTM(6, 5, num_layers=2), head=torch.nn.Linear(5, 2)))
    model.encoder.requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    sum(p.sum() for p in model.parameters() if p.requires_grad).backward()
    optimizer.step()
    state = model.state_dict()
    checkpoint = dict(epoch=4, model_state_dict=state, optimizer_state_dict=optimizer.state_dict(),
                      val_mae=np.float64(0.222), best=torch.tensor(0.125), history=[0.5, np.float32(0.25), np.int64(3)],
                      args=argparse.Namespace(data_dir="episodes", window_size=8, lr=1e-4, nested={"a": (1, 2)}))
    save("trainer", checkpoint, state)
    prefixed = {"module.model." + k: v for k, v in state.items()}
    save("prefixes_protocol4", {"model": prefixed, "val_mae": np.float32(0.222)}, prefixed, pickle_protocol=4)
    nested = {"backbone": model.encoder.state_dict(), "act_head": {"rnn": model.rnn.state_dict()}}
    flat = {"backbone." + k: v for k, v in nested["backbone"].items()}
    flat.update({"act_head.rnn." + k: v for k, v in nested["act_head"]["rnn"].items()})
    save("nested_protocol5", nested, flat, pickle_protocol=5)
    torch.save(state, os.path.join(HERE, "legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save(model.head, os.path.join(HERE, "module_object.pth"))
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), os.path.join(HERE, "torchscript.pt"))
    torch.serialization.set_crc32_options(False)
    save("no_crc", state, state)
    torch.serialization.set_crc32_options(True)


def sharded():
    import json
    tensors = {f"layer.{i}.weight": randn(3, 4) for i in range(5)}
    weight_map = {}
    for i, part in enumerate((list(tensors)[:3], list(tensors)[3:]), 1):
        name = f"model-{i:05}-of-00002.safetensors"
        save_file({k: tensors[k] for k in part}, os.path.join(HERE, name), metadata={"format": "pt"})
        weight_map.update({k: name for k in part})
    save_file(tensors, os.path.join(HERE, "sharded.safetensors"))
    with open(os.path.join(HERE, "model.safetensors.index.json"), "w") as f:
        json.dump({"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": weight_map}, f,
                  indent=1)


dtypes()
views()
trainer()
sharded()
for file in os.listdir(HERE):
    os.chmod(os.path.join(HERE, file), 0o755 if file.endswith(".py") else 0o644)
