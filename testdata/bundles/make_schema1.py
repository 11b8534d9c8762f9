#!/usr/bin/env python3
"""Makes the bundles of schema "vlaq.bundle/1" in schema1/, with the program of the last revision that wrote it.

    git worktree add /tmp/old 899df5f && (cd /tmp/old && script/build dev vlaq)
    python3 make_schema1.py /tmp/old/build/dev/vlaq        # no packages needed

Needed only to make them again, which a newer program cannot. They prove that what users have keeps opening and running;
so they are never changed. checkpoint/ and checkpoint_text/ are what they were made of: tests/cli/schema1_test.cc exports them anew and holds the
policies against each other.
"""
import json
import math
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "schema1"
FRAMES = HERE.parents[1] / "image/cli_frames"
TEXT = {"layers": 1, "width": 4, "ffn": 8, "vocabulary": 30, "heads": 2}
VISION = {"layers": 1, "width": 16, "ffn": 16, "patch": 4, "size": 8, "heads": 2}
LATENTS, HIDDEN, MLP, CHUNK, DIM = 2, 4, 8, 2, 2


def tensors(feature):
    """(name, shape) of a Kosmos-2 + LSTM policy whose LSTM reads `feature` numbers a frame."""
    def linear(name, out, into):
        return [(name + ".weight", [out, into]), (name + ".bias", [out])]

    def norm(name, width):
        return [(name + ".weight", [width]), (name + ".bias", [width])]

    def attention(name, width):
        return sum((linear(f"{name}.{part}_proj", width, width) for part in ("k", "v", "q", "out")), [])

    k = "kosmos_model."
    text, vision = k + "text_model.model", k + "vision_model.model"
    width, ffn = TEXT["width"], TEXT["ffn"]
    found = [(text + ".embed_tokens.weight", [TEXT["vocabulary"], width])]
    for i in range(TEXT["layers"]):
        layer = f"{text}.layers.{i}"
        found += attention(layer + ".self_attn", width) + norm(layer + ".self_attn.inner_attn_ln", width)
        found += norm(layer + ".self_attn_layer_norm", width) + linear(layer + ".ffn.fc1", ffn, width)
        found += linear(layer + ".ffn.fc2", width, ffn) + norm(layer + ".ffn.ffn_layernorm", ffn)
        found += norm(layer + ".final_layer_norm", width)
    found += norm(text + ".layer_norm", width)
    v, patch, places = VISION["width"], VISION["patch"], (VISION["size"] // VISION["patch"]) ** 2 + 1
    found += [(vision + ".embeddings.class_embedding", [v]), (vision + ".embeddings.patch_embedding.weight", [v, 3, patch, patch]),
              (vision + ".embeddings.position_embedding.weight", [places, v])] + norm(vision + ".pre_layrnorm", v)
    for i in range(VISION["layers"]):
        layer = f"{vision}.encoder.layers.{i}"
        found += attention(layer + ".self_attn", v) + norm(layer + ".layer_norm1", v) + linear(layer + ".mlp.fc1", VISION["ffn"], v)
        found += linear(layer + ".mlp.fc2", v, VISION["ffn"]) + norm(layer + ".layer_norm2", v)
    found += norm(vision + ".post_layernorm", v)
    projection = k + "image_to_text_projection"
    found += [(projection + ".latent_query", [LATENTS, width])] + linear(projection + ".dense", width, v)
    found += attention(projection + ".x_attn", width)
    found += [("rnn.weight_ih_l0", [4 * HIDDEN, feature]), ("rnn.weight_hh_l0", [4 * HIDDEN, HIDDEN]),
              ("rnn.bias_ih_l0", [4 * HIDDEN]), ("rnn.bias_hh_l0", [4 * HIDDEN])]
    return found + linear("actions.mlp.0", MLP, HIDDEN) + linear("actions.mlp.2", CHUNK * DIM, MLP)


def write_checkpoint(folder, source, feature, prompt):
    """model.safetensors, config.json and policy.json in `folder`; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1)
    header, data = {}, b""
    for name, shape in sorted(tensors(feature)):
        count = math.prod(shape)
        middle = 1 if len(shape) == 1 and name.endswith(".weight") else 0
        scale = 0.5 if name.startswith("rnn.") else 1 / math.sqrt(count / shape[0] if len(shape) > 1 else 25)
        # Multiples of 1/64 up to 2 are exact in bfloat16 and float16: bf16-as-stored and fp16 are the same policy as fp32.
        values = [max(-2, min(2, round(draw.gauss(middle, scale) * 64) / 64)) for _ in range(count)]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + 2 * count]}
        data += b"".join(struct.pack("<f", value)[2:] for value in values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    config = {"latent_query_num": LATENTS,
              "text_config": {"vocab_size": TEXT["vocabulary"], "embed_dim": TEXT["width"], "layers": TEXT["layers"],
                              "attention_heads": TEXT["heads"], "ffn_dim": TEXT["ffn"]},
              "vision_config": {"hidden_size": VISION["width"], "intermediate_size": VISION["ffn"],
                                "num_hidden_layers": VISION["layers"], "num_attention_heads": VISION["heads"],
                                "image_size": VISION["size"], "patch_size": VISION["patch"]}}
    policy = {"feature_source": source, "prompt_layout": "hf_processor", "window": 3, "chunk": CHUNK, "action_dim": DIM,
              "action_scale": 2.0, "control_period_s": 0.25, "preprocess": {"resize": "bilinear", "normalise": "imagenet"},
              "prompt_ids": prompt}
    for name, content in (("config.json", config), ("policy.json", policy)):
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")


def main():
    vlaq = sys.argv[1]

    def run(*arguments):
        print("vlaq", *arguments, flush=True)
        subprocess.run([vlaq, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

    def export(checkpoint, name, *more):
        run("export", HERE / checkpoint / "model.safetensors", "--config", HERE / checkpoint / "config.json", "--policy",
            HERE / checkpoint / "policy.json", "-o", HERE / name, *more)

    shutil.rmtree(HERE, ignore_errors=True)
    prompt = [0, 20, *range(4, 4 + LATENTS), 21, 25, 26, 27]
    write_checkpoint(HERE / "checkpoint", "pooler", VISION["width"], prompt)
    write_checkpoint(HERE / "checkpoint_text", "mean_hidden", TEXT["width"], prompt)
    export("checkpoint", "fp32")
    export("checkpoint", "fp16", "--precision", "fp16")
    export("checkpoint", "bf16-as-stored", "--precision", "bf16-as-stored")
    export("checkpoint_text", "text")
    export("checkpoint_text", "text_baked", "--bake-prompt")
    with tempfile.TemporaryDirectory() as scratch:
        statistics = pathlib.Path(scratch) / "stats.json"
        run("calibrate", HERE / "fp32", "--frames", FRAMES, "--samples", 4, "-o", statistics)
        for target, precisions in {"cpu": ("int8", "int4"), "portable": ("int8",), "tensorrt-8.6": ("int8", "mixed"),
                                   "tensorrt-10": ("int4", "fp16")}.items():
            for precision in precisions:
                more = ["--block", 16] if precision == "int4" else []
                run("quantize", HERE / "fp32", "--target", target, "--precision", precision, "--stats", statistics,
                    *more, "-o", HERE / f"{target}-{precision}")


main()
