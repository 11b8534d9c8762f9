"""Tiny episodes in the recorder's format, for tests."""
import h5py
import numpy as np

NAMES = ["bottle_tan", "bottle_inverse_distance", "box_left_tan", "box_right_tan", "box_inverse_distance", "box_ahead",
         "velocity_forward", "velocity_left"]


def write_episode(path, seed, steps=10, side="left", lost=(), names=NAMES, size=(28, 50)):
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 256, (steps, *size, 3), dtype=np.uint8)
    images[list(lost)] = 0
    with h5py.File(path, "w") as file:
        file["images"] = images
        file["actions"] = rng.uniform(-0.7, 0.7, (steps, 3)).astype(np.float32)
        file["language_instruction"] = np.array([f"go {side} of the box to the bottle".encode()], "S256")
        file["simulation/auxiliary"] = rng.uniform(-1, 1, (steps, len(names))).astype(np.float32)
        file["simulation/auxiliary"].attrs["names"] = names
        file.attrs["obstacle_layout_type"] = f"1box_hori_{side}"


def write_folder(folder, count=6, first_seed=0, **settings):
    folder.mkdir(parents=True)
    for i in range(count):
        side = "left" if i % 2 else "right"
        write_episode(folder / f"episode_{first_seed + i:09}_1box_hori_{side}.h5", first_seed + i, side=side, **settings)
    return folder
