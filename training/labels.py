"""What the auxiliary labels of an episode mean: how they mirror and how much each counts.

The simulator names its labels in the file (src/sim/expert.cc); the order is the file's. A name that is not in the table
is an error: mirroring it wrongly would teach nonsense in silence.
"""
import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rule:
    mirror: str  # the label whose value it takes when left and right are swapped
    sign: float
    frame_weight: float  # in the loss of a single frame's feature; 0: a single frame does not show it
    memory_weight: float  # in the loss of the LSTM's output


RULES = {
    "bottle_tan": Rule("bottle_tan", -1, 1.0, 1.0),
    "bottle_inverse_distance": Rule("bottle_inverse_distance", 1, 1.0, 1.0),
    "box_left_tan": Rule("box_right_tan", -1, 0.4, 0.4),
    "box_right_tan": Rule("box_left_tan", -1, 0.4, 0.4),
    "box_inverse_distance": Rule("box_inverse_distance", 1, 1.0, 1.0),
    "box_ahead": Rule("box_ahead", 1, 0.5, 0.5),
    "velocity_forward": Rule("velocity_forward", 1, 0.0, 1.0),
    "velocity_left": Rule("velocity_left", -1, 0.0, 1.0),
    # Added by training itself: the expert's normalized action and the side that the instruction names.
    "action_forward": Rule("action_forward", 1, 1.5, 0.0),
    "action_left": Rule("action_left", -1, 1.5, 0.0),
    "side": Rule("side", -1, 0.5, 0.5),
}
OWN_NAMES = ("action_forward", "action_left", "side")
ACTION_SIGN = np.float32([1, -1])  # of a mirrored action


class Labels:
    """The columns of one data set: `file_names` as in its files, then OWN_NAMES."""

    def __init__(self, file_names):
        unknown = [n for n in file_names if n not in RULES or n in OWN_NAMES]
        if unknown:
            raise ValueError(f"auxiliary labels {unknown} have no rule for mirroring: add them to training/labels.py")
        self.names = tuple(file_names) + OWN_NAMES
        missing = [RULES[n].mirror for n in self.names if RULES[n].mirror not in self.names]
        if missing:
            raise ValueError(f"auxiliary labels lack {missing}, which others mirror into")
        self.order = [self.names.index(RULES[n].mirror) for n in self.names]
        self.signs = np.float32([RULES[n].sign for n in self.names])
        self.frame_weights = np.float32([RULES[n].frame_weight for n in self.names])
        self.memory_weights = np.float32([RULES[n].memory_weight for n in self.names])

    def mirrored(self, rows):
        """`rows` [..., len(names)] as they would be in a mirror."""
        return rows[..., self.order] * self.signs


def mirrored_text(text):
    """The sentence with "left" and "right" exchanged."""
    swap = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    return re.sub(r"\b(left|right|Left|Right)\b", lambda m: swap[m[0]], text)


def side_of(layout, instruction):
    """+1 for left, -1 for right: from the layout's name ("1box_hori_left"), else from the sentence, else 0."""
    for words in (layout.lower().split("_"), re.findall(r"[a-z]+", instruction.lower())):
        found = {"left": 1.0, "right": -1.0}
        sides = {found[w] for w in words if w in found}
        if len(sides) == 1:
            return sides.pop()
    return 0.0
