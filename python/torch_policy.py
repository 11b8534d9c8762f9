"""The policy in PyTorch, as its authors ran it: transformers' Kosmos2Model, torch.nn.LSTM and an MLP, named as in the
909-tensor checkpoint. Built from what a bundle's policy.json says and filled strictly: a tensor too many or too few is an
error, so that no stand-in can run in the policy's place."""
import json
import pathlib

import torch
from torch import nn
from transformers import Kosmos2Config, Kosmos2Model

# Which rows of the last hidden state [B, T, D] feed the LSTM; `mask` [B, T] is 1 where a token may be seen.
FEATURES = {
    "mean_hidden": lambda hidden, mask: (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True),
    "last_token": lambda hidden, mask: hidden[torch.arange(len(hidden)), mask.sum(1) - 1],
    "first_token": lambda hidden, mask: hidden[:, 0],
}


class Head(nn.Module):
    def __init__(self, hidden, widths, outputs):
        super().__init__()
        layers = []
        for width in widths:
            layers += [nn.Linear(hidden, width), nn.ReLU()]
            hidden = width
        self.mlp = nn.Sequential(*layers, nn.Linear(hidden, outputs))

    def forward(self, x):
        return torch.tanh(self.mlp(x))


def spec_of(policy):
    """What a policy.json says of the network: the keys of a user's file or an older bundle, or the "settings" of "vlaq.policy/2"."""
    return {**policy, **policy.get("settings", {})}


class Policy(nn.Module):
    """`spec`: spec_of a bundle's policy.json. Runs the prompt that was baked in at its export."""

    def __init__(self, spec, attention="eager"):
        super().__init__()
        if spec["feature_source"] not in FEATURES or spec["prompt_layout"] != "hf_processor":
            raise SystemExit(f"the PyTorch policy knows the features {', '.join(FEATURES)} with prompts laid out as hf_processor, not "
                             f"{spec['feature_source']} with {spec['prompt_layout']}")
        config = Kosmos2Config(**spec["config"])
        config._attn_implementation = attention
        self.kosmos_model = Kosmos2Model(config)
        self.rnn = nn.LSTM(spec["lstm_input"], spec["lstm_hidden"], spec["lstm_layers"], batch_first=True)
        self.add_module(spec["head_name"], Head(spec["lstm_hidden"], spec["mlp_widths"], spec["chunk"] * spec["action_dim"]))
        self.head_name, self.feature = spec["head_name"], FEATURES[spec["feature_source"]]
        self.prompt = prompt_of(spec)

    def encode(self, pixels):
        """pixel_values [B, 3, S, S] -> features [B, D]."""
        return self.stages(pixels)["features"]

    def stages(self, pixels):
        """What lies between pixel_values [B, 3, S, S] and the feature, by name, with it."""
        ids, mask, image = (values.expand(len(pixels), -1) for values in self.prompt)
        found = self.kosmos_model(pixel_values=pixels, input_ids=ids, attention_mask=mask, image_embeds_position_mask=image,
                                  use_cache=False)
        return {"vision_last_hidden": found.vision_model_output.last_hidden_state, "image_embeds": found.image_embeds,
                "text_last_hidden": found.last_hidden_state, "features": self.feature(found.last_hidden_state, mask)}

    def act(self, features):
        """features [B, W, D] -> actions [B, chunk * action_dim] of the window's last step."""
        return getattr(self, self.head_name)(self.rnn(features)[0][:, -1])

    def forward(self, windows):
        """pixel_values [B, W, 3, S, S] -> actions: every frame of the window is encoded, as the original does."""
        features = self.encode(windows.flatten(0, 1))
        return self.act(features.view(*windows.shape[:2], -1))


def prompt_of(spec):
    """(ids, mask, 1 where image rows go), each int64 [1, T]."""
    ids = torch.tensor([spec["prompt_ids"]])
    mask = torch.tensor([spec["attention_mask"]]) if spec.get("attention_mask") else torch.ones_like(ids)
    image = torch.zeros_like(ids)
    image[:, spec["image_start"]:spec["image_start"] + spec["image_tokens"]] = 1
    return ids, mask, image


def state_of(checkpoint, key=None):
    """The state dict of a training checkpoint, whatever else it holds; nothing in it is executed. `key`: which, where it holds several."""
    checkpoint = pathlib.Path(checkpoint)
    if checkpoint.suffix in (".safetensors", ".json"):
        from safetensors.torch import load_file
        if checkpoint.suffix == ".safetensors":
            return load_file(checkpoint)
        shards = set(json.loads(checkpoint.read_text())["weight_map"].values())
        return {name: tensor for shard in shards for name, tensor in load_file(checkpoint.parent / shard).items()}
    import argparse
    with torch.serialization.safe_globals([argparse.Namespace]):
        loaded = torch.load(checkpoint, weights_only=True, mmap=True)
    for name in (key,) if key else ("model_state_dict", "state_dict"):
        loaded = loaded.get(name, loaded)
    return loaded


def load(checkpoint, spec, attention="eager", state_dict=None):
    """The policy, with `parameters_used`: the elements of the checkpoint's tensors, and of the table of positions, which no checkpoint
    stores and exported graphs hold too; so the counts of both can be compared."""
    with torch.device("meta"):
        policy = Policy(spec, attention)
    policy.prompt = prompt_of(spec)
    state = state_of(checkpoint, state_dict)
    policy.load_state_dict(state, strict=True, assign=True)
    policy.parameters_used = sum(tensor.numel() for tensor in state.values())
    config = policy.kosmos_model.config
    for name, module in policy.named_modules():  # buffers that no checkpoint stores were made on "meta"
        if name.endswith("embed_positions"):
            module.weights = module.get_embedding(module.weights.shape[0], module.weights.shape[1], config.text_config.pad_token_id)
            policy.parameters_used += module.weights.numel()
        if name.endswith("vision_model.model.embeddings"):
            module.position_ids = torch.arange(module.num_positions)[None]
    return policy.float().eval()
