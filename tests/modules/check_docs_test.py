"""Plants one broken pointer at a time in a small tree and expects script/check-docs to name the file, the line and the reason."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
CLEAN = {
    "README.md": "# A tree\n\nSee [the guide](docs/guide.md#a-second-part) and `src/base/status.h`, all of `src/base/`, `docs/NAME.md` and `src/*/status.h`.\n",
    "docs/guide.md": "# Guide\n\n## A `second` part\n\n[back](../README.md) and [out](https://example.org/none)\n",
    "docs/architecture.md": "| module | what |\n|---|---|\n| `base` | words |\n",
    "cmake/modules.txt": "# A comment: of the table\nbase:\n",
    "src/base/status.h": "// What went wrong (docs/guide.md). See status.cc.\n#pragma once\n",
    "src/base/status.cc": '#include "base/status.h"\n',
}
PLANTED = (
    ("README.md", "[gone](docs/gone.md)", "link to docs/gone.md, which is not there"),
    ("README.md", "[part](docs/guide.md#a-third-part)", "there is no such heading"),
    ("README.md", "Look into `src/base/gone.h`.", "names src/base/gone.h, which is not there"),
    ("docs/guide.md", "What `gone.h` does.", "names gone.h, which is no source"),
    ("src/base/status.cc", "// As gone.h has it.", "names gone.h, which is no source"),
    ("src/base/status.cc", "int a = 0;  // docs/gone.md says why", "names docs/gone.md, which is not there"),
    ("src/base/status.cc", "// The formula is in spec/model.md.", "cites spec/model.md, which is not in the repository"),
    ("cmake/modules.txt", "tensor: base", "the table of modules has no row for tensor"),
    ("docs/architecture.md", "| `attic` | nothing |", "a row for attic, which is no module"),
    ("docs/architecture.md", "| `base` | again |", "a row for base, which is there twice"),
)


def check(root):
    done = subprocess.run([sys.executable, TOP / "script/check-docs", "--root", root], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


class CheckDocs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name, text in CLEAN.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)

    def test_a_clean_tree_passes(self):
        self.assertEqual(check(self.root), (0, "links, paths and names lead somewhere\n"))

    def test_each_broken_pointer_is_named(self):
        for name, line, reason in PLANTED:
            with self.subTest(line):
                path = self.root / name
                path.write_text(CLEAN[name] + line + "\n")
                code, text = check(self.root)
                path.write_text(CLEAN[name])
                self.assertEqual(code, 1, text)
                self.assertIn(reason, text)
                self.assertEqual(text.count("\n"), 1, text)
                if not name.endswith("architecture.md") and "modules.txt" not in name:
                    self.assertIn(f"{name}:{len(CLEAN[name].splitlines()) + 1}: ", text)


if __name__ == "__main__":
    unittest.main()
