"""What script/lib/robot_soak.py makes of samples and commands; tests/robot runs it whole."""
import importlib.util
import os
import sys
import unittest

SPEC = importlib.util.spec_from_file_location("robot_soak", sys.argv.pop())
soak = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(soak)
SUMMARY = {"state": "HOLD", "reasons": "shutdown"}


def samples(seconds, rss):
    return [{"at_s": at, "rss_kib": rss(at), "anonymous_kib": 100} for at in range(0, seconds + 1, 10)]


def commands(*moves):
    heard = soak.Commands()
    for i, one in enumerate(moves):
        heard.add(i * 20_000_000, one)
    return heard


class Soak(unittest.TestCase):
    def judge(self, kept, heard=None, summary=SUMMARY, code=0, untimed=False):
        return soak.judge(kept, heard or commands(True, True), summary, code, untimed)

    def test_flat_passes(self):
        self.assertEqual([], self.judge(samples(3600, lambda at: 1000)))

    def test_growth_while_it_settles_is_no_fault(self):
        self.assertEqual([], self.judge(samples(3600, lambda at: min(500 + 2 * at, 1000))))

    def test_growth_after_that_is(self):
        self.assertIn("memory grew by 2.00 %", self.judge(samples(3600, lambda at: 1000 + (20 if at > 3000 else 0)))[0])
        self.assertEqual([], self.judge(samples(3600, lambda at: 1000 + (9 if at > 3000 else 0))))

    def test_a_short_run_says_nothing_about_memory(self):
        self.assertEqual([], self.judge(samples(300, lambda at: 1000 + at)))

    def test_a_stop_is_a_fault(self):
        self.assertIn("left RUN by itself: 1 ", self.judge(samples(600, lambda at: 1000), commands(True, False, True))[0])
        self.assertEqual([], self.judge(samples(600, lambda at: 1000), commands(False, False, True)))  # before it drove
        self.assertEqual([], self.judge(samples(600, lambda at: 1000), commands(True, False), untimed=True))

    def test_what_is_always_a_fault(self):
        self.assertEqual(["it did not drive"], self.judge([], untimed=True))
        self.assertEqual(["its exit code is 3"], self.judge(samples(10, lambda at: 1), code=3, untimed=True))
        self.assertEqual(["it gave no summary"], self.judge(samples(10, lambda at: 1), summary=None, untimed=True))

    def test_slope(self):
        self.assertAlmostEqual(3600, soak.slope([(0, 5), (10, 15), (20, 25)]))
        self.assertEqual(0, soak.memory(samples(3600, lambda at: 1000))["slope_kib_per_hour"])
        self.assertAlmostEqual(360, soak.memory(samples(3600, lambda at: 1000 + at / 10))["slope_kib_per_hour"])

    def test_gap(self):
        heard = commands(True, True)
        heard.add(120_000_000, True)
        self.assertEqual((100, 3), (heard.longest_gap_ms, heard.heard))

    def test_this_process(self):
        one = soak.sample(os.getpid())
        self.assertTrue(one["rss_kib"] > 1000 and one["threads"] >= 1 and one["files"] >= 3, one)
        self.assertIsNone(soak.sample(2**30))

    def test_words(self):
        self.assertEqual((["a", "--b"], ["--c"]), soak.split(["a", "--b", "--", "--c"]))
        self.assertEqual((["a"], []), soak.split(["a"]))

    def test_settings(self):
        file = soak.settings({"timing": {}, "safety": {}, "axes": [{"scale": 1}], "ros2": {}})
        self.assertEqual((20, 0.2), (file["timing"]["control_period_ms"], file["axes"][0]["offset"]))


unittest.main()
