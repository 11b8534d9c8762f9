"""script/lib/ci.py with steps of a moment in place of its own."""
import contextlib
import importlib.util
import io
import os
import pathlib
import sys
import tempfile
import time
import unittest

SCRIPT = sys.argv.pop()


def load():
    spec = importlib.util.spec_from_file_location("ci", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["ci"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class Ci(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        self.ci = load()
        self.ci.TOP, self.ci.LOGS = self.top, self.top / "logs"

    def step(self, name, script="", after=()):
        return self.ci.Step(name, ["sh", "-c", f"echo {name} >>order; {script or ':'}"], after)

    def run_ci(self, front, back, *arguments):
        self.ci.FRONT, self.ci.BACK = front, back
        (self.top / "order").write_text("")
        sys.argv = ["ci", *arguments]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = self.ci.main()
        return code, (self.top / "order").read_text().split(), printed.getvalue()

    def test_each_step_once_and_a_table(self):
        code, order, printed = self.run_ci([self.step("a"), self.step("b", after=("x",))], [self.step("x", "sleep 0.2")])
        self.assertEqual((code, sorted(order)), (0, ["a", "b", "x"]))
        self.assertLess(order.index("x"), order.index("b"))
        self.assertRegex(printed, r"all +\d+ +\d+  \d+ % of the 2700 s")
        self.assertIn("all passed", printed)

    def test_the_first_failure_stops_all(self):
        begin = time.monotonic()
        code, order, printed = self.run_ci([self.step("a", "echo why; exit 3"), self.step("b")], [self.step("x", "sleep 60"), self.step("y")])
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(code, 1)
        self.assertNotIn("b", order)
        self.assertNotIn("y", order)
        self.assertIn("why", printed)
        self.assertIn("failed: a", printed)

    def test_a_failed_build_fails(self):
        code, order, _ = self.run_ci([self.step("a", after=("x",))], [self.step("x", "exit 1")])
        self.assertEqual((code, order), (1, ["x"]))

    def test_keep_going_shows_each_failure(self):
        front = [self.step("a", "exit 1"), self.step("b", "exit 1"), self.step("c", after=("x",)), self.step("d")]
        code, order, printed = self.run_ci(front, [self.step("x", "exit 1")], "--keep-going")
        self.assertEqual((code, sorted(order)), (1, ["a", "b", "d", "x"]))
        for name in "abx":
            self.assertIn(f"--- {name}: FAILED", printed)

    def test_a_signal_is_a_failure(self):
        self.assertEqual(self.run_ci([self.step("a", "kill -9 $$")], [])[0], 1)

    def test_the_back_lane_yields(self):
        self.run_ci([self.step("a", "nice >front")], [self.step("x", "nice >back")])
        self.assertEqual((self.top / "front").read_text().strip(), str(os.nice(0)))
        self.assertEqual((self.top / "back").read_text().strip(), "19")

    def test_what_real_steps_wait_for_exists(self):
        real = load()
        names = [step.name for step in real.FRONT + real.BACK]
        self.assertEqual(len(names), len(set(names)))
        for step in real.FRONT + real.BACK:
            self.assertLessEqual(set(step.after), set(names))


unittest.main(argv=[sys.argv[0]])
