"""From a batch as LeRobot hands it to policies to what a server takes. NumPy alone."""
import numpy as np

PREFIX = "observation."


def picture(values):
    """Bytes [H, W, 3] of float [3, H, W] in 0..1 or of bytes in either order. LeRobot divided bytes by 255, so that rounding gives the very same bytes."""
    values = np.asarray(values)
    if values.ndim == 4 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 3:
        raise ValueError(f"a picture has the shape {values.shape}, not [3, H, W]")
    if values.dtype != np.uint8:
        if values.size and (values.min() < 0 or values.max() > 1):
            raise ValueError("a picture has values outside of 0..1: it is normalized, and the server would do that again")
        values = np.rint(values.astype(np.float32) * 255).astype(np.uint8)
    if values.shape[0] == 3 and values.shape[2] != 3:
        values = values.transpose(1, 2, 0)
    return np.ascontiguousarray(values)


def vector(values):
    """float32 [n] of [1, n] or [n]."""
    values = np.asarray(values, dtype=np.float32)
    return values[0] if values.ndim == 2 and values.shape[0] == 1 else values


def task_of(batch, standard):
    """The batch's task, which may stand in a list of one; `standard` where there is none."""
    task = batch.get("task")
    if isinstance(task, list | tuple):
        task = task[0] if task else ""
    return task or standard


def request(batch, pictures, keys, task):
    """The message for a batch of one. `pictures`: names of those among its observations. `keys`: LeRobot's name -> the server's, "" for what is not sent."""
    message = {}
    for name, values in batch.items():
        if not name.startswith(PREFIX) or values is None:
            continue
        key = keys.get(name, name)
        if not key:
            continue
        if np.ndim(values) and np.shape(values)[0] != 1:
            raise ValueError(f"{name} is of {np.shape(values)[0]} robots; a server drives one")
        message[key] = picture(values) if name in pictures else vector(values)
    prompt = task_of(batch, task)
    if prompt and keys.get("task", "prompt"):
        message[keys.get("task", "prompt")] = prompt
    return message
