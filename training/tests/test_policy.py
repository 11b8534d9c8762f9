"""Network, tokenizer, a whole tiny training, resuming, and the PyTorch driver."""
import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import h5py
import numpy as np
import torch
from safetensors.numpy import load_file

from training import losses, saving, tokenizer, train
from training.policy import ModelSettings, Prompts, make_policy
from training.pytorch_policy import PytorchPolicy, drive, write_actions
from training.tests.synthetic import write_folder
from training.validation import actions_of, episode_features
from training.pixels import Normalizer

TINY = ModelSettings(width=16, layers=1, vision_width=16, vision_layers=1, ffn=16, heads=2, image_size=28,
                     image_tokens=4, lstm_hidden=8, mlp=(8, 8, 8))
OPTIONS = ("--width 16 --layers 1 --vision-width 16 --vision-layers 1 --ffn 16 --heads 2 --image-size 28 "
           "--image-tokens 4 --lstm-hidden 8 --mlp 8 8 8 --frame-steps 4 --window-steps 6 --frame-batch 4 "
           "--window-batch 2 --validate-every 3 --save-every 2 --log-every 2 --warm-up 2 --threads 1 "
           "--validation-fraction 0.3").split()
SENTENCES = ["go left of the box to the bottle", "drive to the bottle, keeping right of the box"]


def run_training(*arguments):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return train.main([str(a) for a in arguments])


class TokenizerTest(unittest.TestCase):
    def setUp(self):
        self.tokenizer = tokenizer.Tokenizer(tokenizer.train(SENTENCES))

    def test_the_same_sentences_give_the_same_bytes(self):
        self.assertEqual(tokenizer.train(SENTENCES[::-1] + SENTENCES), self.tokenizer.model)

    def test_ids_follow_the_layout(self):
        t = self.tokenizer
        self.assertEqual(t.size, t.pieces + 13 + 1024)
        ids = t.prompt("go left", 4)
        self.assertEqual(ids[:9], [0, t.pieces + 3, 4, 5, 6, 7, t.pieces + 4, t.pieces + 12, ids[8]])
        self.assertEqual(tokenizer.image_position_mask(8, 4), [0, 0, 1, 1, 1, 1, 0, 0])
        self.assertEqual(t.prompt("  ", 4), t.prompt("", 4))
        self.assertEqual(t.prompt("go left", 4)[:len(t.prompt("", 4))], t.prompt("", 4))

    def test_words_are_one_piece_and_no_word_is_unknown(self):
        left, right = self.tokenizer.encode("left"), self.tokenizer.encode("right")
        self.assertEqual((len(left), len(right)), (1, 1))
        self.assertNotEqual(left, right)
        for text in (*SENTENCES, "Zebra crossing\t42: quickly, jump! (over-it)"):
            self.assertNotIn(tokenizer.UNKNOWN, self.tokenizer.encode(text))
        self.assertEqual(self.tokenizer.encode("Go LEFT"), self.tokenizer.encode(" go  left "))
        with self.assertRaises(ValueError):
            self.tokenizer.encode("go <grounding>")


class PolicyTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.tokenizer = tokenizer.Tokenizer(tokenizer.train(SENTENCES))
        self.policy = make_policy(TINY, self.tokenizer.size).eval()
        self.prompts = [self.tokenizer.prompt(s, 4) for s in SENTENCES]
        self.pixels = torch.randn(2, 3, 28, 28)

    def test_padding_changes_nothing(self):
        with torch.no_grad():
            both = self.policy.features(self.pixels, Prompts.stack(self.prompts, 4))
            for i in range(2):
                alone = self.policy.features(self.pixels[i:i + 1], Prompts.stack([self.prompts[i]], 4))
                torch.testing.assert_close(both[i:i + 1], alone, atol=1e-5, rtol=1e-5)
            self.assertGreater((both[0] - both[1]).abs().max(), 0.01)

    def test_feature_is_the_last_hidden_state_of_the_whole_model(self):
        p = Prompts.stack(self.prompts[:1], 4)
        with torch.no_grad():
            whole = self.policy.kosmos_model(
                pixel_values=self.pixels[:1], input_ids=p.ids, attention_mask=p.mask,
                image_embeds_position_mask=p.image).last_hidden_state[:, -1]
            torch.testing.assert_close(self.policy.features(self.pixels[:1], p), whole)

    def test_source_says_which_picture_belongs_to_a_prompt(self):
        with torch.no_grad():
            swapped = self.policy.features(self.pixels, Prompts.stack(self.prompts, 4), torch.tensor([1, 0]))
            plain = self.policy.features(self.pixels.flip(0), Prompts.stack(self.prompts, 4))
        torch.testing.assert_close(swapped, plain)

    def test_window_rule(self):
        features = torch.randn(12, 16)
        with torch.no_grad():
            found = actions_of(self.policy, features, 8)
            for t in range(12):
                expected = self.policy.act(features[None, max(0, t - 7):t + 1])[0, -1]
                torch.testing.assert_close(found[t], expected)
            self.assertEqual(len(actions_of(self.policy, features[:3], 8)), 3)
            self.assertGreater((found - actions_of(self.policy, features, 1)).abs().max(), 1e-4)

    def test_initial_features_differ_between_pictures(self):
        with torch.no_grad():
            features = self.policy.features(torch.randn(16, 3, 28, 28), Prompts.stack(self.prompts[:1] * 16, 4))
        self.assertGreater(features.std(0).mean(), 0.05)

    def test_masked_losses_do_not_see_what_is_masked(self):
        predicted, labels = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
        mask = torch.tensor([[1.0, 0, 0], [0, 0, 0]])
        before = losses.label_loss(predicted, labels, torch.ones(4), mask)
        labels[:, 1:] = 100
        self.assertEqual(before, losses.label_loss(predicted, labels, torch.ones(4), mask))
        self.assertEqual(losses.label_loss(predicted, labels, torch.ones(4), mask * 0), 0)
        self.assertEqual(losses.action_error(predicted, torch.ones(2, 3, 4), mask), 1)


class TrainingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.episodes = write_folder(cls.root / "episodes", count=20)
        cls.out = cls.root / "out"
        assert run_training(cls.episodes, "-o", cls.out, *OPTIONS) == 0
        cls.checkpoint = saving.read_checkpoint(cls.out / saving.CHECKPOINT)

    def test_saved_names_are_the_originals(self):
        self.assertEqual(set(self.checkpoint), {"epoch", "model_state_dict", "optimizer_state_dict", "val_mae", "args"})
        names = set(self.checkpoint["model_state_dict"])
        self.assertEqual({n.split(".")[0] for n in names}, {"kosmos_model", "rnn", "actions"})
        self.assertEqual({n for n in names if n.startswith("actions")},
                         {f"actions.mlp.{i}.{k}" for i in (0, 2, 4, 6) for k in ("weight", "bias")})
        self.assertEqual(sum(n.startswith("rnn.") for n in names), 16)
        self.assertIn("kosmos_model.image_to_text_projection.latent_query", names)
        self.assertTrue(all(t.dtype == torch.float32 for t in self.checkpoint["model_state_dict"].values()))

    def test_optimizer_state_is_that_of_the_saved_parameters(self):
        groups = self.checkpoint["optimizer_state_dict"]["param_groups"]
        indices = [i for g in groups for i in g["params"]]
        self.assertEqual(len(indices), len(self.checkpoint["model_state_dict"]))
        shapes = sorted(tuple(s["exp_avg"].shape) for s in self.checkpoint["optimizer_state_dict"]["state"].values())
        self.assertEqual(shapes, sorted(tuple(t.shape) for t in self.checkpoint["model_state_dict"].values()))

    def test_settings_beside_the_checkpoint(self):
        spec = json.loads((self.out / "policy.json").read_text())
        self.assertEqual(spec["mlp_widths"], [8, 8, 8])
        self.assertEqual((spec["window"], spec["chunk"], spec["action_scale"]), (8, 1, 0.6))
        config = json.loads((self.out / "config.json").read_text())
        self.assertEqual(config["text_config"]["vocab_size"],
                         tokenizer.Tokenizer((self.out / saving.TOKENIZER).read_bytes()).size)
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertAlmostEqual(metrics["validation"]["held out"]["mae"], self.checkpoint["val_mae"], places=5)
        self.assertIn("mae_memory_1", metrics["validation"]["held out"])

    def test_same_seed_same_weights_and_a_stopped_run_goes_on_to_the_same(self):
        again = self.root / "again"
        self.assertEqual(run_training(self.episodes, "-o", again, *OPTIONS, "--cache", self.out / "cache"), 0)
        stopped = self.root / "stopped"
        real, calls = train.Trainer._window_loss, []

        def interrupt(trainer):
            calls.append(trainer.step)
            if len(calls) == 4:
                raise FloatingPointError("stopped by the test")
            return real(trainer)

        train.Trainer._window_loss = interrupt
        try:
            self.assertEqual(run_training(self.episodes, "-o", stopped, *OPTIONS), 1)
        finally:
            train.Trainer._window_loss = real
        self.assertEqual(run_training(self.episodes, "-o", stopped, *OPTIONS), 2, "must ask for --resume")
        self.assertEqual(run_training(self.episodes, "-o", stopped, *OPTIONS, "--seed", 5, "--resume"), 1)
        self.assertEqual(run_training(self.episodes, "-o", stopped, *OPTIONS, "--resume"), 0)
        for folder in (again, stopped):
            found = saving.read_checkpoint(folder / saving.CHECKPOINT)
            self.assertEqual(found["val_mae"], self.checkpoint["val_mae"])
            for name, value in self.checkpoint["model_state_dict"].items():
                torch.testing.assert_close(found["model_state_dict"][name], value, rtol=0, atol=0)

    def test_init_goes_on_from_a_policy(self):
        more = write_folder(self.root / "more", count=4, first_seed=500)
        out = self.root / "fine"
        i = OPTIONS.index("--frame-steps")
        arguments = OPTIONS[:i] + OPTIONS[i + 2:] + ["--window-rate", "1e-9"]
        self.assertEqual(run_training(self.episodes, more, "-o", out, "--init", self.out, *arguments), 0)
        self.assertNotIn("phase 1", (out / "training.log").read_text())
        found = saving.read_checkpoint(out / saving.CHECKPOINT)["model_state_dict"]
        for name, value in self.checkpoint["model_state_dict"].items():
            torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-6)
        self.assertEqual(run_training(self.episodes, "-o", self.root / "x", "--init", self.out, *arguments,
                                      "--normalise", "clip"), 1)

    def test_the_same_episode_may_not_be_used_twice(self):
        self.assertEqual(run_training(self.episodes, "-o", self.root / "y", "--validation", self.episodes, *OPTIONS), 1)

    def test_reloaded_policy_drives_as_validation_computes(self):
        path = sorted(self.episodes.glob("*.h5"))[0]
        twin = PytorchPolicy(self.out)
        write_actions(twin, [path], self.root / "a.safetensors", with_frames=True)
        tensors = load_file(self.root / "a.safetensors")
        actions = tensors[f"{path.stem}.actions"]
        self.assertEqual(actions.shape, (10, 1, 2))
        from training import episodes as data
        episode = data.load([self.episodes], 28, 0.6, self.out / "cache", 1, lambda _: None).episodes[0]
        features = episode_features(twin.policy, Normalizer("imagenet"), twin.tokenizer.prompt(episode.instruction, 4),
                                    episode.frames)
        np.testing.assert_allclose(actions[:, 0], actions_of(twin.policy, features, 8).numpy(), atol=1e-6)

        # The same through the driver's protocol, after another episode.
        with h5py.File(path) as file:
            frames = file["images"][:]
        requests = b""
        for t, frame in enumerate(np.concatenate([frames[::-1], frames])):
            header = {"reset": t in (0, 10), "instruction": episode.instruction, "width": 50, "height": 28}
            requests += json.dumps(header).encode() + b"\n" + frame.tobytes()
        answers = io.BytesIO()
        drive(twin, io.BytesIO(requests), answers)
        driven = np.float32([json.loads(line)["action"] for line in answers.getvalue().splitlines()])
        np.testing.assert_array_equal(driven[10:], actions[:, 0])
        with self.assertRaises(EOFError):
            drive(twin, io.BytesIO(requests[:-1]), io.BytesIO())


if __name__ == "__main__":
    unittest.main()
