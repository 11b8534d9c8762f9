"""Reading, mirroring, lost frames, windows."""
import pathlib
import tempfile
import unittest

import h5py
import numpy as np
from PIL import Image

from training import episodes as data
from training.batches import LossSettings, Sampler, lost_steps
from training.labels import Labels, mirrored_text, side_of
from training.pixels import STATISTICS, Normalizer
from training.tests.synthetic import NAMES, write_episode, write_folder


def quiet(_):
    pass


class DataTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def load(self, *folders, size=14):
        return data.load(folders, size, 0.6, self.root / "cache", 1, quiet)

    def test_reads_what_the_recorder_wrote(self):
        folder = write_folder(self.root / "a", lost=[3])
        loaded = self.load(folder)
        first = loaded.episodes[0]
        with h5py.File(sorted(folder.glob("*.h5"))[0]) as file:
            pixels = np.asarray(Image.fromarray(file["images"][2]).resize((14, 14), Image.Resampling.BILINEAR))
            actions, auxiliary = file["actions"][:], file["simulation/auxiliary"][:]
        np.testing.assert_array_equal(first.frames[2], pixels)
        np.testing.assert_allclose(first.actions, np.clip(actions[:, :2] / np.float32(0.6), -1, 1))
        self.assertTrue((np.abs(first.actions) == 1).any(), "nothing was clipped: the test's commands are too small")
        self.assertEqual(np.flatnonzero(first.lost).tolist(), [3])
        np.testing.assert_array_equal(first.labels[:, :8], auxiliary)
        np.testing.assert_array_equal(first.labels[:, 8:10], first.actions)
        self.assertEqual(set(first.labels[:, 10]), {-1.0})  # the first one passes on the right
        self.assertEqual(first.instruction, "go right of the box to the bottle")

    def test_cache_gives_the_same_and_is_kept_for_one_more_folder(self):
        a, b = write_folder(self.root / "a"), write_folder(self.root / "b", first_seed=50)
        one = self.load(a)
        before = sorted(p.name for p in (self.root / "cache").iterdir())
        both = self.load(a, b)
        self.assertEqual(len(both.episodes), 12)
        np.testing.assert_array_equal(one.episodes[5].frames, both.episodes[5].frames)
        after = sorted(p.name for p in (self.root / "cache").iterdir())
        self.assertEqual((len(before), len(after)), (1, 2))
        self.assertTrue(set(before) < set(after))

    def test_a_changed_file_is_read_again(self):
        folder = write_folder(self.root / "a")
        before = self.load(folder).episodes[0].actions
        path = sorted(folder.glob("*.h5"))[0]
        path.unlink()
        write_episode(path, 99, steps=11, side="right")
        self.assertNotEqual(len(before), len(self.load(folder).episodes[0]))

    def test_broken_files_are_named(self):
        folder = write_folder(self.root / "a")
        path = sorted(folder.glob("*.h5"))[2]
        with h5py.File(path, "a") as file:
            del file["simulation/auxiliary"]
        with self.assertRaisesRegex(data.EpisodeError, path.name):
            self.load(folder)
        path.write_bytes(b"no episode")
        with self.assertRaisesRegex(data.EpisodeError, path.name):
            self.load(folder)
        self.assertEqual(list((self.root / "cache").iterdir()), [], "nothing half-made is left")

    def test_unknown_labels_are_refused(self):
        folder = write_folder(self.root / "a", names=NAMES[:7] + ["lamp_tan"])
        with self.assertRaisesRegex(ValueError, "lamp_tan"):
            self.load(folder)
        with self.assertRaisesRegex(ValueError, "box_right_tan"):
            Labels(["box_left_tan"])

    def test_split_is_by_episode_and_does_not_move(self):
        loaded = self.load(write_folder(self.root / "a", count=40))
        training, held = data.split(loaded, 0.3, seed=1)
        names = {e.name for e in held.episodes}
        self.assertEqual(len(training.episodes) + len(names), 40)
        self.assertTrue(3 <= len(names) <= 22)
        more = self.load(self.root / "a", write_folder(self.root / "b", count=10, first_seed=100))
        self.assertTrue(names <= {e.name for e in data.split(more, 0.3, seed=1)[1].episodes})

    def test_mirror(self):
        labels = Labels(NAMES)
        row = np.float32([0.1, 0.2, 0.3, -0.4, 0.5, 1, 0.6, 0.7, 0.8, 0.9, 1])
        mirrored = np.float32([-0.1, 0.2, 0.4, -0.3, 0.5, 1, 0.6, -0.7, 0.8, -0.9, -1])
        np.testing.assert_array_equal(labels.mirrored(row), mirrored)
        np.testing.assert_array_equal(labels.mirrored(labels.mirrored(row)), row)
        self.assertEqual(mirrored_text("keeping left of the box, leftover Right"),
                         "keeping right of the box, leftover Left")
        self.assertEqual(labels.frame_weights[6], 0, "one frame does not show the velocity")
        self.assertGreater(labels.memory_weights[6], 0)

    def test_side(self):
        self.assertEqual(side_of("2box_vert_left", ""), 1)
        self.assertEqual(side_of("", "pass it on the right"), -1)
        self.assertEqual(side_of("", "go to the bottle"), 0)

    def test_normalized_pixels(self):
        frame = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(1, 2, 2, 3) * 20
        for name, (mean, deviation) in STATISTICS.items():
            expected = ((frame / 255.0 - np.array(mean)) / np.array(deviation)).transpose(0, 3, 1, 2)
            found = Normalizer(name)(frame)
            self.assertEqual((found.dtype, found.shape), (np.float32, (1, 3, 2, 2)))
            np.testing.assert_array_equal(found, expected.astype(np.float32))

    def test_lost_frames_are_bursts_as_the_simulator_makes_them(self):
        rng, runs, lost_count, total = np.random.default_rng(0), [], 0, 0
        for _ in range(300):
            lost = lost_steps(rng, 40, LossSettings())
            self.assertFalse(lost[0])
            edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(int), [0]])))
            runs += (edges[1::2] - edges[::2]).tolist()
            lost_count, total = lost_count + lost.sum(), total + 40
        self.assertEqual(set(runs), {1, 2, 3, 4})
        self.assertAlmostEqual(lost_count / total, 0.27, delta=0.03)
        self.assertFalse(lost_steps(rng, 40, LossSettings(start=0)).any())

    def test_a_window_holds_consecutive_steps_and_black_frames_where_lost(self):
        loaded = self.load(write_folder(self.root / "a", steps=10), write_folder(self.root / "b", count=2, steps=5,
                                                                              first_seed=70))
        sampler = Sampler(loaded, seed=3, mirror=False)
        rows = {e.labels[t].tobytes(): (e, t) for e in loaded.episodes for t in range(len(e))}
        starts, lengths, some_lost = set(), set(), False
        for step in range(40):
            batch = sampler.windows(step, 4)
            for b in range(4):
                length = int(batch.valid[b].sum())
                lengths.add(length)
                np.testing.assert_array_equal(batch.valid[b], np.arange(8) < length)
                episode, start = rows[batch.labels[b, 0].tobytes()]
                starts.add(start)
                for t in range(length):
                    np.testing.assert_array_equal(batch.actions[b, t], episode.actions[start + t])
                    np.testing.assert_array_equal(batch.labels[b, t], episode.labels[start + t])
                    sequence = batch.feature[b, t]
                    self.assertEqual(batch.texts[sequence], episode.instruction)
                    seen = batch.frames[batch.source[sequence]]
                    if batch.visible[b, t]:
                        np.testing.assert_array_equal(seen, episode.frames[start + t])
                    else:
                        some_lost = True
                        self.assertFalse(seen.any())
                        self.assertFalse(start + t == 0, "the first frame of an episode is never lost")
        self.assertEqual(starts, {0, 1, 2})
        self.assertEqual(lengths, {5, 8})
        self.assertTrue(some_lost)

    def test_mirrored_windows_swap_pictures_words_and_actions_together(self):
        loaded = self.load(write_folder(self.root / "a"))
        sampler = Sampler(loaded, seed=3, loss=LossSettings(start=0))
        rows = {e.labels[t, 1].tobytes(): (e, t) for e in loaded.episodes for t in range(len(e))}
        mirrored = 0
        for step in range(10):
            batch = sampler.windows(step, 2)
            for b in range(2):
                episode, t = rows[batch.labels[b, 0, 1].tobytes()]
                sequence = batch.feature[b, 0]
                flipped = batch.texts[sequence] != episode.instruction
                mirrored += flipped
                sign = -1 if flipped else 1
                np.testing.assert_array_equal(batch.frames[batch.source[sequence]], episode.frames[t][:, ::sign])
                self.assertEqual(batch.actions[b, 0, 1], sign * episode.actions[t, 1])
                self.assertEqual(batch.labels[b, 0, 10], sign * episode.labels[t, 10])
        self.assertTrue(0 < mirrored < 20)

    def test_batches_depend_on_seed_and_step_alone(self):
        loaded = self.load(write_folder(self.root / "a"))
        first = Sampler(loaded, seed=3)
        first.windows(0, 4)
        again, other = Sampler(loaded, seed=3).windows(7, 4), Sampler(loaded, seed=4).windows(7, 4)
        np.testing.assert_array_equal(first.windows(7, 4).actions, again.actions)
        self.assertFalse(np.array_equal(again.actions, other.actions))
        np.testing.assert_array_equal(first.frames(7, 4).labels, Sampler(loaded, seed=3).frames(7, 4).labels)

    def test_single_frames_are_never_lost_ones(self):
        loaded = self.load(write_folder(self.root / "a", lost=[4, 5]))
        sampler = Sampler(loaded, seed=0)
        for step in range(20):
            self.assertTrue(sampler.frames(step, 8).frames.reshape(8, -1).any(1).all())


if __name__ == "__main__":
    unittest.main()
