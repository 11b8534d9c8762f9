"""What script/lib/robot_baselines.py makes of the commands that it heard."""
import importlib.util
import sys
import unittest

SPEC = importlib.util.spec_from_file_location("robot_baselines", sys.argv.pop())
baselines = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(baselines)
FAULT, MENDED = 10.0, 13.0


def heard(*spans, value=0.2, also=()):
    """A command every 20 ms from each first to each second."""
    times = [first + i * 0.02 for first, second in spans for i in range(round((second - first) / 0.02))]
    return sorted([(when, value, 0.0) for when in times] + list(also))


def judge(*spans, **more):
    return baselines.judge(heard(*spans, **more), FAULT, MENDED)


class Baselines(unittest.TestCase):
    def test_zero(self):
        trial = judge((9, 10.5), also=[(10.52, 0.0, 0.0)])
        self.assertEqual("zero", trial["outcome"])
        self.assertAlmostEqual(520, trial["ms"])
        self.assertFalse(trial["goes_on"])

    def test_a_zero_before_the_fault_is_none(self):
        self.assertEqual("moves", judge((9, 14), also=[(8.9, 0.0, 0.0)])["outcome"])

    def test_silent(self):
        trial = judge((9, 10.1), (13.1, 14))
        self.assertEqual(("silent", True), (trial["outcome"], trial["goes_on"]))
        self.assertAlmostEqual(80, trial["ms"])
        self.assertEqual(("silent", 0), tuple(judge((9, 10))[key] for key in ("outcome", "ms")))

    def test_moves(self):
        trial = judge((9, 11), (11.5, 14))
        self.assertEqual(("moves", None, True), (trial["outcome"], trial["ms"], trial["goes_on"]))
        self.assertAlmostEqual(520, trial["longest_gap_ms"])

    def test_nan_moves(self):
        trial = judge((9, 14), also=[(10.5, float("nan"), 0.0)])
        self.assertEqual(("moves", True), (trial["outcome"], trial["sent_nan"]))

    def test_text(self):
        def cell(*trials, ended=False):
            return baselines.text(baselines.summary([{**trial, "ended": ended} for trial in trials]))

        zero, silent, moves = judge((9, 10.5), also=[(10.52, 0.0, 0.0)]), judge((9, 10.1), (13.1, 14)), judge((9, 14))
        self.assertEqual("zero after 520 (max 520) ms, ends", cell(zero, ended=True))
        self.assertEqual("silent after 80 (max 80) ms, last command moves, goes on by itself", cell(silent, silent))
        self.assertEqual("moves on (3 s)", cell(moves))
        self.assertIn("in 1 of 2 / moves on (3 s) in 1 of 2", cell(zero, moves))


unittest.main()
