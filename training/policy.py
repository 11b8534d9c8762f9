"""The network: transformers' Kosmos2Model in a small configuration, an LSTM and an MLP, named as in the original's
909-tensor checkpoint (kosmos_model.*, rnn.*, actions.mlp.*), with two auxiliary heads that are dropped after training.
"""
from dataclasses import dataclass

import torch
from torch import nn
from transformers import Kosmos2Config, Kosmos2Model

from .tokenizer import PAD, image_position_mask

PATCH = 14


@dataclass
class ModelSettings:
    width: int = 96  # of the language model
    layers: int = 2
    vision_width: int = 96
    vision_layers: int = 3
    ffn: int = 256  # of both
    heads: int = 4  # of both
    image_size: int = 112
    image_tokens: int = 16
    lstm_hidden: int = 128
    lstm_layers: int = 4
    mlp: tuple = (128, 64, 32)
    max_positions: int = 128


def make_config(settings, vocabulary):
    s = settings
    return Kosmos2Config(
        text_config=dict(vocab_size=vocabulary, max_position_embeddings=s.max_positions, embed_dim=s.width,
                         layers=s.layers, ffn_dim=s.ffn, attention_heads=s.heads, dropout=0.0, attention_dropout=0.0,
                         activation_dropout=0.0, use_cache=False),
        vision_config=dict(hidden_size=s.vision_width, intermediate_size=s.ffn, num_hidden_layers=s.vision_layers,
                           num_attention_heads=s.heads, image_size=s.image_size, patch_size=PATCH),
        latent_query_num=s.image_tokens)


@dataclass
class Prompts:
    ids: torch.Tensor  # int64 [N, L], padded on the right
    mask: torch.Tensor  # int64 [N, L]
    image: torch.Tensor  # int64 [N, L], 1 where image rows go

    @staticmethod
    def stack(lists, image_tokens):
        longest = max(map(len, lists))
        ids = torch.tensor([p + [PAD] * (longest - len(p)) for p in lists])
        mask = torch.tensor([[1] * len(p) + [0] * (longest - len(p)) for p in lists])
        image = torch.tensor([image_position_mask(longest, image_tokens)]).expand(len(lists), -1)
        return Prompts(ids, mask, image)


class ActionHead(nn.Module):
    def __init__(self, hidden, widths, out):
        super().__init__()
        layers = []
        for width in widths:
            layers += [nn.Linear(hidden, width), nn.ReLU()]
            hidden = width
        self.mlp = nn.Sequential(*layers, nn.Linear(hidden, out))

    def forward(self, x):
        return torch.tanh(self.mlp(x))


class Policy(nn.Module):
    """A policy as it is deployed: no auxiliary heads."""

    def __init__(self, config, lstm_hidden, lstm_layers, mlp):
        super().__init__()
        config._attn_implementation = "sdpa"
        self.kosmos_model = Kosmos2Model(config)
        self.rnn = nn.LSTM(config.text_config.embed_dim, lstm_hidden, lstm_layers, batch_first=True)
        self.actions = ActionHead(lstm_hidden, mlp, 2)

    def features(self, pixels, prompts, source=None):
        """The last visible position's last hidden state [N, D] of prompt i with image `source[i]` of `pixels`
        [M, 3, S, S] (default: image i)."""
        images = self.kosmos_model.get_image_features(pixels).pooler_output
        if source is not None:
            images = images[source]
        hidden = self.kosmos_model(
            image_embeds=images.flatten(0, 1), input_ids=prompts.ids, attention_mask=prompts.mask,
            image_embeds_position_mask=prompts.image, use_cache=False).last_hidden_state
        return hidden[torch.arange(len(hidden)), prompts.mask.sum(1) - 1]

    def remember(self, features):
        """LSTM outputs [B, W, H] at every step of windows of features [B, W, D], from a zero state."""
        return self.rnn(features)[0]

    def act(self, features):
        """Normalized actions [B, W, 2] at every step; the last one is the policy's action for the window."""
        return self.actions(self.remember(features))


class AuxiliaryHeads(nn.Module):
    """Linear read-outs of the labels; they exist only in training."""

    def __init__(self, width, lstm_hidden, labels):
        super().__init__()
        self.frame = nn.Linear(width, labels)  # from one frame's feature
        self.memory = nn.Linear(lstm_hidden, labels)  # from the LSTM's output


def make_policy(settings, vocabulary):
    policy = Policy(make_config(settings, vocabulary), settings.lstm_hidden, settings.lstm_layers, settings.mlp)
    initialize_backbone(policy.kosmos_model)
    initialize_lstm(policy.rnn)
    return policy


@torch.no_grad()
def initialize_backbone(model):
    """transformers' default (std 0.02) makes a small backbone's features nearly the same for all images: their spread is
    0.003, and 0.3 with this (spec/driving.md, measured; without it the policy succeeds in 25 % instead of 97 %)."""
    width = model.config.text_config.embed_dim
    for name, weight in model.named_parameters():
        if weight.dim() == 2 and name.endswith("weight") and "embed" not in name:
            nn.init.xavier_uniform_(weight)
    words = model.text_model.model.embed_tokens.weight
    nn.init.normal_(words, std=width**-0.5)  # the model multiplies by sqrt(width)
    words[PAD] = 0
    embeddings = model.vision_model.model.embeddings
    nn.init.normal_(embeddings.patch_embedding.weight, std=(3 * PATCH * PATCH)**-0.5)
    nn.init.normal_(embeddings.position_embedding.weight, std=0.5)
    nn.init.normal_(model.image_to_text_projection.dense.weight, std=1.0)  # its inputs have length 1
    nn.init.xavier_uniform_(model.image_to_text_projection.x_attn.out_proj.weight, gain=3 * width**-0.5)


@torch.no_grad()
def initialize_lstm(rnn):
    """Orthogonal for each gate, open gates: the default's output hardly depends on the input through four layers."""
    hidden = rnn.hidden_size
    for name, value in rnn.named_parameters():
        if name.startswith("bias"):
            value.zero_()
            if name.startswith("bias_ih"):  # i, f and o open
                value[:2 * hidden] = 1.0
                value[3 * hidden:] = 1.0
            continue
        for gate in range(4):
            if name.startswith("weight_hh"):
                gain = 0.7
            elif gate != 2:
                gain = 0.5
            else:
                gain = 1.0 if name.endswith("_l0") else 2.0
            nn.init.orthogonal_(value[gate * hidden:(gate + 1) * hidden], gain=gain)
