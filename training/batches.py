"""Batches for the two phases of training, each a pure function of the seed and the number of the step, so that a run that
was killed goes on exactly where it was.

A window batch holds every visible frame once and one black frame for all steps whose frame was lost; `feature` tells
for every step of every window which of the encoded sequences is its feature.
"""
from dataclasses import dataclass

import numpy as np

from .labels import ACTION_SIGN, mirrored_text

PHASE_FRAMES, PHASE_WINDOWS = 1, 2


@dataclass(frozen=True)
class LossSettings:
    """How the camera drops out (as src/sim: a burst, then at least one visible frame)."""
    start: float = 0.15  # probability at a step that may begin a burst
    longest: int = 4  # steps of a burst: 1 to this


def lost_steps(rng, length, settings):
    """bool [length] for a whole episode, whose first frame is never lost."""
    lost = np.zeros(length, bool)
    t = 1
    while t < length:
        if rng.uniform() < settings.start:
            end = t + int(rng.integers(1, settings.longest + 1))
            lost[t:end] = True
            t = end
        t += 1
    return lost


@dataclass
class FrameBatch:
    frames: np.ndarray  # uint8 [N, S, S, 3]
    texts: list
    labels: np.ndarray  # float32 [N, L]


@dataclass
class WindowBatch:
    frames: np.ndarray  # uint8 [M, S, S, 3]
    source: np.ndarray  # int64 [K], frame of each encoded sequence
    texts: list  # of each encoded sequence
    feature: np.ndarray  # int64 [B, W], encoded sequence of each step
    actions: np.ndarray  # float32 [B, W, 2]
    labels: np.ndarray  # float32 [B, W, L]
    valid: np.ndarray  # float32 [B, W], 0 behind the end of an episode
    visible: np.ndarray  # float32 [B, W], 1 where the frame is there


def assemble(windows, window):
    """`windows`: (frames, lost, text, actions, labels) of 1 to `window` steps each."""
    count, labels = len(windows), windows[0][4].shape[1]
    frames, source, texts, black = [], [], [], {}
    feature = np.zeros((count, window), np.int64)
    batch = WindowBatch(None, None, texts, feature, np.zeros((count, window, 2), np.float32),
                        np.zeros((count, window, labels), np.float32), np.zeros((count, window), np.float32),
                        np.zeros((count, window), np.float32))
    lost_at = []
    for b, (pictures, lost, text, actions, rows) in enumerate(windows):
        steps = len(actions)
        batch.actions[b, :steps], batch.labels[b, :steps], batch.valid[b, :steps] = actions, rows, 1
        batch.visible[b, :steps] = ~lost
        for t in range(steps):
            if lost[t]:
                lost_at.append((b, t, text))
                continue
            feature[b, t] = len(source)
            source.append(len(frames))
            texts.append(text)
            frames.append(pictures[t])
    for b, t, text in lost_at:
        if text not in black:
            black[text] = len(source)
            source.append(len(frames))
            texts.append(text)
        feature[b, t] = black[text]
    if lost_at:
        frames.append(np.zeros_like(windows[0][0][0]))
    batch.frames, batch.source = np.stack(frames), np.int64(source)
    return batch


class Sampler:
    def __init__(self, episodes, seed, window=8, loss=LossSettings(), mirror=True):
        self.set, self.seed, self.window, self.loss, self.mirror = episodes, seed, window, loss, mirror
        self.ends = np.cumsum([len(e) for e in episodes.episodes])
        # Single frames that show something.
        self.shown = np.flatnonzero(np.concatenate([~e.lost for e in episodes.episodes]))

    def _random(self, phase, step):
        return np.random.default_rng([self.seed, phase, step])

    def _find(self, index):
        """Episode and step of frame `index` of the set."""
        e = int(np.searchsorted(self.ends, index, side="right"))
        episode = self.set.episodes[e]
        return episode, int(index - (self.ends[e] - len(episode)))

    def _part(self, episode, low, high, mirrored):
        """(frames, text, actions, labels) of steps low .. high - 1."""
        frames, text = episode.frames[low:high], episode.instruction
        actions, labels = episode.actions[low:high], episode.labels[low:high]
        if not mirrored:
            return frames, text, actions, labels
        return frames[:, :, ::-1], mirrored_text(text), actions * ACTION_SIGN, self.set.labels.mirrored(labels)

    def frames(self, step, count):
        rng = self._random(PHASE_FRAMES, step)
        parts = []
        for index in self.shown[rng.integers(0, len(self.shown), count)]:
            episode, t = self._find(index)
            parts.append(self._part(episode, t, t + 1, self.mirror and rng.uniform() < 0.5))
        frames, texts, _, labels = zip(*parts)
        return FrameBatch(np.concatenate(frames), list(texts), np.concatenate(labels))

    def windows(self, step, count):
        """A window holds a frame drawn at random; it may begin anywhere, also at the first step."""
        rng = self._random(PHASE_WINDOWS, step)
        chosen = []
        for index in rng.integers(0, self.ends[-1], count):
            episode, t = self._find(index)
            low = max(0, min(t - int(rng.integers(0, self.window)), len(episode) - self.window))
            high = min(low + self.window, len(episode))
            frames, text, actions, labels = self._part(episode, low, high, self.mirror and rng.uniform() < 0.5)
            lost = lost_steps(rng, high, self.loss)[low:] | episode.lost[low:high]
            chosen.append((frames, lost, text, actions, labels))
        return assemble(chosen, self.window)
