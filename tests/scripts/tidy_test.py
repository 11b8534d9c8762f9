"""script/lib/tidy.py with a stand-in for clang-tidy, which finds something in whatever holds the word BAD."""
import contextlib
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop()
STAND_IN = """#!/bin/sh
[ "$1" = --version ] && { echo "stand-in VERSION"; exit 0; }
for file; do :; done
echo "$file" >>LOOKED
cat "$file" SOURCES/h.h | grep -n BAD && { echo "$file:1:1: error: BAD [check]"; exit 1; }
exit 0
"""


class Tidy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name).resolve()
        spec = importlib.util.spec_from_file_location("tidy", SCRIPT)
        self.tidy = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.tidy)
        self.tidy.TOP, self.tidy.TOOL = self.top, str(self.top / "clang-tidy")
        self.tidy.BUILD, self.tidy.RECORD = self.top / "build", self.top / "record"
        self.tidy.FOUND_HERE = self.top / "build/clean"
        for name, text in {".clang-tidy": "Checks: all\n", "src/a/a.cc": '#include "a/h.h"\n', "src/a/b.cc": "int b;\n", "src/a/h.h": "int h;\n"}.items():
            self.write(name, text)
        self.install("1")
        self.commands("-O0")

    def write(self, name, text):
        (self.top / name).parent.mkdir(parents=True, exist_ok=True)
        (self.top / name).write_text(text)

    def install(self, version):
        self.write("clang-tidy", STAND_IN.replace("VERSION", version).replace("LOOKED", str(self.top / "looked"))
                   .replace("SOURCES", str(self.top / "src/a")))
        (self.top / "clang-tidy").chmod(0o755)

    def commands(self, flags):
        entries = [{"file": str(self.top / f"src/a/{name}.cc"), "command": f"c++ {flags} {self.top}/src/a/{name}.cc"} for name in "ab"]
        self.write("build/compile_commands.json", json.dumps(entries))

    def run_tidy(self, *arguments):
        """(exit code, names of the sources that were looked at, what was printed)"""
        (self.top / "looked").write_text("")
        sys.argv = ["tidy", *arguments]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = self.tidy.main()
        return code, sorted(pathlib.Path(line).name for line in (self.top / "looked").read_text().split()), printed.getvalue()

    def test_looks_once(self):
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc", "b.cc"]))
        self.assertEqual(self.run_tidy()[:2], (0, []))
        self.assertEqual(self.run_tidy("--all")[:2], (0, ["a.cc", "b.cc"]))

    def test_a_finding_stays_one(self):
        self.write("src/a/b.cc", "int BAD;\n")
        for looked in (["a.cc", "b.cc"], ["b.cc"], ["b.cc"]):
            code, names, printed = self.run_tidy("--record")
            self.assertEqual((code, names), (1, looked))
            self.assertIn("error: BAD", printed)
        self.assertFalse(self.tidy.RECORD.exists())

    def test_what_a_result_depends_on(self):
        self.run_tidy("--record")
        self.write("src/a/h.h", "int h2;\n")
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc"]))
        self.commands("-Wall")
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc", "b.cc"]))
        self.write(".clang-tidy", "Checks: more\n")
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc", "b.cc"]))
        self.install("2")
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc", "b.cc"]))

    def test_a_record_serves_another_checkout(self):
        self.run_tidy("--record")
        self.tidy.FOUND_HERE.unlink()
        self.assertEqual(self.run_tidy()[:2], (0, []))
        self.write("src/a/h.h", "int BAD;\n")
        self.assertEqual(self.run_tidy()[:2], (1, ["a.cc"]))

    def test_a_finding_in_a_header_is_shown_once(self):
        shown = set()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            for _ in range(2):
                self.tidy.show("h.h:1:1: error: x\n  code\nh.h:2:1: error: y\n  more", shown)
        self.assertEqual(printed.getvalue().splitlines(), ["h.h:1:1: error: x", "  code", "h.h:2:1: error: y", "  more"])

    def test_an_unknown_file_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "h.h is no source"):
            self.run_tidy(str(self.top / "src/a/h.h"))


unittest.main(argv=[sys.argv[0]])
