"""From camera frames to pixel_values, exactly as vlaq's src/image/preprocess does: Pillow's resize without keeping the
aspect ratio, then (x / 255 - mean) / deviation from a table that is computed in double and rounded once.
"""
import numpy as np
from PIL import Image

STATISTICS = {
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
RESIZE = Image.Resampling.BILINEAR


def resized(frame, size):
    """uint8 [H, W, 3] -> uint8 [size, size, 3]"""
    return np.asarray(Image.fromarray(frame).resize((size, size), RESIZE))


class Normalizer:
    def __init__(self, normalize):
        mean, deviation = (np.array(v)[:, None] for v in STATISTICS[normalize])
        self.table = ((np.arange(256)[None] / 255.0 - mean) / deviation).astype(np.float32)

    def __call__(self, frames):
        """uint8 [N, S, S, 3] -> float32 [N, 3, S, S]"""
        out = np.empty((len(frames), 3, *frames.shape[1:3]), np.float32)
        for channel in range(3):
            np.take(self.table[channel], frames[..., channel], out=out[:, channel], mode="clip")
        return out
