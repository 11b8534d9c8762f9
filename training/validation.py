"""How far a policy is from the expert on episodes it has not seen, by the rule of the run-time: the LSTM runs from zero
over the most recent min(t, window) features, and its last output is the action.
"""
import numpy as np
import torch

from .batches import LossSettings, lost_steps
from .policy import Prompts

CHUNK = 64  # frames encoded at once


@torch.no_grad()
def episode_features(policy, normalizer, prompt, frames):
    """float32 [T, D] of uint8 frames [T, S, S, 3]; `prompt`: the ids of one prompt."""
    parts = []
    image_tokens = policy.kosmos_model.config.latent_query_num
    for at in range(0, len(frames), CHUNK):
        pixels = torch.from_numpy(normalizer(frames[at:at + CHUNK]))
        parts.append(policy.features(pixels, Prompts.stack([prompt] * len(pixels), image_tokens)))
    return torch.cat(parts)


@torch.no_grad()
def actions_of(policy, features, window):
    """Normalized actions [T, 2] of an episode's features [T, D]."""
    out = [policy.act(features[None, :t])[0, -1] for t in range(1, min(window, len(features) + 1))]
    if len(features) >= window:
        out += list(policy.act(features.unfold(0, window, 1).transpose(1, 2))[:, -1])
    return torch.stack(out)


class Validation:
    """One set of episodes. With `drop_frames` (for episodes recorded without losses) frames are lost at random."""

    def __init__(self, name, episodes, window, seed=0, drop_frames=False, loss=LossSettings()):
        self.name, self.window = name, window
        self.items = []
        for number, episode in enumerate(episodes.episodes):
            lost = episode.lost
            if drop_frames:
                lost = lost | lost_steps(np.random.default_rng([seed, number]), len(episode), loss)
            self.items.append((episode, lost))

    def __call__(self, policy, normalizer, prompt_of, memories=()):
        """{"mae": ..., "mae_linear_x": ..., ...} in normalized units; for every length in `memories` the MAE of the same
        policy with that many frames of memory."""
        policy.eval()
        errors = {w: [] for w in (self.window, *memories)}
        for episode, lost in self.items:
            frames = np.where(lost[:, None, None, None], np.uint8(0), episode.frames)
            features = episode_features(policy, normalizer, prompt_of(episode.instruction), frames)
            for window, found in errors.items():
                found.append((actions_of(policy, features, window) - torch.from_numpy(episode.actions)).abs())
        policy.train()
        total = torch.cat(errors[self.window]).mean(0)
        result = {"mae": total.mean().item(), "mae_linear_x": total[0].item(), "mae_linear_y": total[1].item()}
        for window in memories:
            result[f"mae_memory_{window}"] = torch.cat(errors[window]).mean().item()
        return result
