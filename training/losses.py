"""Losses of the two phases."""
import torch
from torch.nn.functional import smooth_l1_loss

ACTION_BETA = 0.1  # normalized units; below it the loss is quadratic
LABEL_BETA = 0.2


def label_loss(predicted, labels, weights, mask=None):
    """Mean over rows (of `mask`) of the weighted mean over labels."""
    rows = (smooth_l1_loss(predicted, labels, beta=LABEL_BETA, reduction="none") * weights).mean(-1)
    return rows.mean() if mask is None else _masked_mean(rows, mask)


def action_loss(predicted, actions, valid):
    rows = smooth_l1_loss(predicted, actions, beta=ACTION_BETA, reduction="none").mean(-1)
    return _masked_mean(rows, valid)


def action_error(predicted, actions, valid):
    """Mean absolute error; only for the log."""
    return _masked_mean((predicted.detach() - actions).abs().mean(-1), valid)


def _masked_mean(rows, mask):
    return (rows * mask).sum() / torch.clamp(mask.sum(), min=1)
