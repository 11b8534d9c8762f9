#!/usr/bin/env python3
"""Writes the episode files of this folder with h5py (any version), so that our reader is held to files that it did not write.

Every good file holds the same 5 steps of 8 x 6 pixels; their pixels are (37 t + 11 y + 5 x + 3 c) mod 256, the commands
(0.25 t, -0.5 t, 0.125 t). Usage: make_fixtures.py [FOLDER]
"""
import pathlib
import sys

import h5py
import numpy as np

STEPS, HEIGHT, WIDTH = 5, 6, 8
t, y, x, c = np.ogrid[0:STEPS, 0:HEIGHT, 0:WIDTH, 0:3]
IMAGES = ((37 * t + 11 * y + 5 * x + 3 * c) % 256).astype(np.uint8)
ACTIONS = np.stack([0.25 * t.ravel(), -0.5 * t.ravel(), 0.125 * t.ravel()], axis=1).astype(np.float32)
EVENTS = ["episode_start"] + ["start_action"] * 3 + ["stop_action"]


def write(path, images=IMAGES, actions=ACTIONS, events=EVENTS, instruction="pass left of the box", libver="earliest",
          image_options=None, action_options=None, userblock=None, event_dtype=h5py.string_dtype(), instruction_dtype="S256"):
    """One episode, as the recorder lays it out unless told otherwise; what is None is left out."""
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        if images is not None:
            file.create_dataset("images", data=images, **({"compression": "gzip"} if image_options is None else image_options))
        if actions is not None:
            file.create_dataset("actions", data=actions, **({"compression": "gzip"} if action_options is None else action_options))
        if events is not None:
            file.create_dataset("action_event_types", data=np.array(events, dtype=event_dtype), compression="gzip")
        if instruction is not None:
            file.create_dataset("language_instruction", data=np.array([instruction.encode()], dtype=instruction_dtype))
        file.attrs["episode_name"] = path.stem
        file.attrs["total_duration"] = 2.0
        file.attrs["num_frames"] = STEPS
        file.attrs["action_chunk_size"] = 8
        file.attrs["obstacle_layout_type"] = "1box_hori"
        file.attrs["camera_matrix"] = np.eye(3)


SECONDS = np.arange(STEPS) * 0.4  # 2.5 steps a second, as the attribute total_duration has it
EPOCH = 1_760_000_000  # s


def write_times(folder):
    """Episodes with time stamps, sound and not: file name, values, their attribute units."""
    folder.mkdir(exist_ok=True)
    nanoseconds = (EPOCH * 10**9 + np.arange(STEPS) * 4 * 10**8).astype(np.int64)
    for name, values, units in (
        ("seconds", EPOCH + SECONDS, "s"),
        ("milliseconds", np.array([0, 400, 790, 1600, 2000], np.int32), "ms"),  # a gap before step 3
        ("nanoseconds", nanoseconds, None),
        ("column", SECONDS[:, None], None),
        ("not_ascending", np.array([0, 0.4, 1.2, 0.8, 1.6]), "s"),
        ("nan", np.array([0, 0.4, np.nan, 1.2, 1.6]), "s"),
        ("too_few", SECONDS[:4], "s"),
        ("float_nanoseconds", nanoseconds.astype(np.float64), None),  # floats are seconds unless units say otherwise
        ("float32", (EPOCH + SECONDS).astype(np.float32), "s"),  # 128 s apart, or equal
        ("ticks", np.arange(STEPS), "ticks"),
        ("text", np.array([b"0.0", b"0.4", b"0.8", b"1.2", b"1.6"]), None),
        ("other_rate", SECONDS / 4, "s"),
    ):
        path = folder / f"{name}.h5"
        write(path, events=None)
        with h5py.File(path, "a") as file:
            dataset = file.create_dataset("timestamp", data=values)
            if units is not None:
                dataset.attrs["units"] = units
    write(folder / "group.h5", events=None)
    with h5py.File(folder / "group.h5", "a") as file:
        file.create_group("timestamps")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    write_times(folder / "times")
    good = lambda name: folder / "good" / name
    bad = lambda name: folder / "bad" / name
    good("x").parent.mkdir(exist_ok=True)
    bad("x").parent.mkdir(exist_ok=True)

    write(good("recorder.h5"))
    write(good("contiguous.h5"), image_options={}, action_options={})
    write(good("chunks_across.h5"), image_options={"compression": "gzip", "shuffle": True, "chunks": (2, 4, 3, 1)},
          action_options={"compression": "gzip", "shuffle": True, "chunks": (3, 2)})
    write(good("not_compressed.h5"), image_options={"chunks": (1, 6, 8, 3)}, action_options={"chunks": (5, 3)})
    write(good("one_chunk.h5"), image_options={"compression": "gzip", "chunks": (5, 6, 8, 3)})
    write(good("newest_format.h5"), libver=("v110", "v110"))
    write(good("float64_fixed_text.h5"), actions=ACTIONS.astype(np.float64), event_dtype="S16")
    write(good("big_endian.h5"), actions=ACTIONS.astype(">f4"))
    write(good("user_block.h5"), userblock=512)
    write(good("two_axes.h5"), actions=ACTIONS[:, :2])
    write(good("1box_hori_left_no_instruction.h5"), instruction=None, events=None)

    write(bad("no_images.h5"), images=None)
    write(bad("no_actions.h5"), actions=None)
    write(bad("lengths.h5"), actions=ACTIONS[:4])
    write(bad("grey.h5"), images=IMAGES[:, :, :, :1])
    write(bad("float_images.h5"), images=(IMAGES / 255).astype(np.float32))
    write(bad("signed_images.h5"), images=IMAGES.astype(np.int8))
    write(bad("integer_actions.h5"), actions=ACTIONS.astype(np.int32))
    write(bad("four_axes.h5"), actions=np.zeros((STEPS, 4), np.float32))
    write(bad("nan_actions.h5"), actions=np.where(ACTIONS == 0.5, np.nan, ACTIONS).astype(np.float32))
    write(bad("no_steps.h5"), images=IMAGES[:0], actions=ACTIONS[:0], events=None, image_options={}, action_options={})
    write(bad("lzf.h5"), image_options={"compression": "lzf"})
    write(bad("latin1.h5"), instruction=None)
    with h5py.File(bad("latin1.h5"), "a") as file:
        file.create_dataset("language_instruction", data=np.array([b"gr\xfcn"], dtype="S256"))
    for name, link in (("soft_link.h5", h5py.SoftLink("/elsewhere")), ("external_link.h5", h5py.ExternalLink("other.h5", "images"))):
        write(bad(name), images=None)
        with h5py.File(bad(name), "a") as file:
            if name == "soft_link.h5":
                file.create_dataset("elsewhere", data=IMAGES)
            file["images"] = link
    write(bad("external_storage.h5"), images=None)
    with h5py.File(bad("external_storage.h5"), "a") as file:
        file.create_dataset("images", data=None, shape=IMAGES.shape, dtype=np.uint8,
                            external=[("/dev/zero", 0, IMAGES.size)])
    write(bad("virtual.h5"), images=None)
    with h5py.File(bad("virtual.h5"), "a", libver=("v110", "v110")) as file:
        layout = h5py.VirtualLayout(shape=IMAGES.shape, dtype=np.uint8)
        layout[:] = h5py.VirtualSource("other.h5", "images", shape=IMAGES.shape)
        file.create_virtual_dataset("images", layout)
    write(bad("images_is_a_group.h5"), images=None)
    with h5py.File(bad("images_is_a_group.h5"), "a") as file:
        file.create_group("images")
    # Frames that were announced and never written.
    write(bad("never_written.h5"), images=None)
    with h5py.File(bad("never_written.h5"), "a") as file:
        images = file.create_dataset("images", shape=IMAGES.shape, dtype=np.uint8, chunks=(1, 6, 8, 3), compression="gzip")
        images[:3] = IMAGES[:3]
    # A shape that no file of this size can hold.
    write(bad("huge.h5"), images=None)
    with h5py.File(bad("huge.h5"), "a") as file:
        file.create_dataset("images", shape=(1 << 40, 720, 1280, 3), dtype=np.uint8, chunks=(1, 720, 1280, 3), compression="gzip")
    bad("not_hdf5.h5").write_bytes(b"PK\x03\x04" + bytes(100))
    bad("empty.h5").write_bytes(b"")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent))
