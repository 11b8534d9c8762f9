"""What a finished training leaves behind: the checkpoint as the original's trainer writes it and the files that vlaq
needs beside it; and the way back.
"""
import argparse
import json
import pathlib

import torch
from transformers import Kosmos2Config

from .policy import Policy
from .tokenizer import Tokenizer, image_position_mask

CHECKPOINT = "best_mini_mobile_vla.pth"
TOKENIZER = "sentencepiece.bpe.model"
HEADS = "auxiliary_heads.pt"


def policy_json(policy, tokenizer, instruction, normalize, window, action_scale, control_period):
    """Settings that a checkpoint does not say, with the keys of vlaq's policy.json; the prompt is that of one
    instruction, and `vlaq export --instruction` puts another in its place."""
    image_tokens = policy.kosmos_model.config.latent_query_num
    ids = tokenizer.prompt(instruction, image_tokens)
    return {
        "architecture": "kosmos2_lstm", "feature_source": "last_token", "prompt_layout": "hf_processor",
        "lstm_input": policy.rnn.input_size, "lstm_hidden": policy.rnn.hidden_size,
        "lstm_layers": policy.rnn.num_layers,
        "mlp_widths": [layer.out_features for layer in policy.actions.mlp[::2]][:-1],
        "chunk": 1, "action_dim": 2, "window": window, "head_name": "actions", "action_scale": action_scale,
        "control_period_s": control_period,
        "preprocess": {"resize": "bilinear", "normalise": normalize, "channel_order": "rgb"},
        "prompt_text": tokenizer.prompt_text(instruction), "prompt_ids": ids,
        "image_position_mask": image_position_mask(len(ids), image_tokens),
    }


def write_json(path, value):
    pathlib.Path(path).write_text(json.dumps(value, indent=1) + "\n")


def save_checkpoint(path, model_state, optimizer_state, epoch, val_mae, settings):
    """`settings`: a dict of plain values; becomes the argparse.Namespace that the original's trainer stored."""
    torch.save({"epoch": epoch, "model_state_dict": model_state, "optimizer_state_dict": optimizer_state,
                "val_mae": val_mae, "args": argparse.Namespace(**settings)}, path)


def policy_optimizer_state(optimizer):
    """The optimizer's state without its last group, which holds the auxiliary heads."""
    state = optimizer.state_dict()
    groups = state["param_groups"][:-1]
    kept = {i for group in groups for i in group["params"]}
    return {"state": {i: s for i, s in state["state"].items() if i in kept}, "param_groups": groups}


def read_checkpoint(path):
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location="cpu", weights_only=True)


def load_policy(folder):
    """(policy, tokenizer, policy.json, checkpoint) of a finished training."""
    folder = pathlib.Path(folder)
    checkpoint = read_checkpoint(folder / CHECKPOINT)
    spec = json.loads((folder / "policy.json").read_text())
    config = Kosmos2Config.from_json_file(folder / "config.json")
    policy = Policy(config, spec["lstm_hidden"], spec["lstm_layers"], spec["mlp_widths"])
    policy.load_state_dict(checkpoint["model_state_dict"])
    return policy.eval(), Tokenizer((folder / TOKENIZER).read_bytes()), spec, checkpoint
