"""Shell scripts pipe nothing into a reader that may leave before its input ends: under `pipefail` its writer then fails, now and then."""
import pathlib
import re
import subprocess
import sys
import unittest

TOP = pathlib.Path(sys.argv.pop())
LEAVES = re.compile(r"(?<!\|)\|\s*(grep\s+-[a-zA-Z]*[qm]|head\b|sed\s+(-n\s+)?['\"]?[^|'\"]*q['\"]?(\s|$))")


def found(text):
    return [line for line in text.splitlines() if LEAVES.search(line) and not line.lstrip().startswith("#")]


class Pipes(unittest.TestCase):
    def test_none_ends_early(self):
        listed = subprocess.run(["git", "grep", "-lE", "^set -[a-z]*o pipefail|^#!.*sh$"], cwd=TOP, capture_output=True, text=True)
        scripts = listed.stdout.split() if listed.returncode == 0 else [str(p.relative_to(TOP)) for p in TOP.glob("script/*")]
        self.assertGreater(len(scripts), 10)
        for script in scripts:
            self.assertEqual([], found((TOP / script).read_text(errors="replace")), script)

    def test_what_ends_early_is_found(self):
        for line in ("cat a | grep -q b", "find . | sort | head -6", "ls | grep -Fqx a", "x=$(ls | head -1)", "ls | grep -m1 a", "ls | sed 1q"):
            self.assertEqual([line], found(line), line)
        for line in ("grep -q b a", "# cat a | grep -q b", "ls | sed -n 1p", "grep -q b <<<\"$a\"", "a | grep -c b", "a || head b"):
            self.assertEqual([], found(line), line)


unittest.main()
