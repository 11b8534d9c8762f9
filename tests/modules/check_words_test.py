"""Plants each family's word in a copy of the tree's shape and expects script/check-words to name the file, the line and the reason."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]

# A line of C++ and what of it is forbidden.
PLANTED = (
    ('constexpr std::string_view kFrames = "pixel_values";', "pixel_values"),
    ('TakeOnly(outputs, "feature");', '"feature"'),
    ('inputs["features"] = window;', '"features"'),
    ('OpenGraph(bundle, "encoder");', '"encoder"'),
    ('OpenGraph(bundle, "head");', '"head"'),
    ('OpenGraph(bundle, "whole");', '"whole"'),
    ("OpenGraph(bundle, bundle::kEncoder);", "kEncoder"),
    ("OpenGraph(bundle, bundle::kHead);", "kHead"),
    ("OpenGraph(bundle, bundle::kWhole);", "kWhole"),
    ("int64_t lstm_hidden = 0;", "lstm_hidden"),
    ("case Transform::kLstmGates:", "kLstmGates"),
    ("PromptLayout layout;", "PromptLayout"),
    ('OneOf(option, "--prompt-layout");', "prompt-layout"),
    ("spec.prompt_layout", "prompt_layout"),
    ("policy::FeatureSourceNames()", "FeatureSourceNames"),
    ('"feature_source"', "feature_source"),
    ("policy.family == policy::kKosmos2", "Kosmos"),
    ("// as Kosmos-2 has it", "Kosmos"),
    ('"  vlaq bench mae0222 -o results.json"', "mae0222"),
    ('"best_simple_lstm_model.pth"', "best_simple_lstm_model"),
    ("action.linear_x = 0;", "linear_x"),
    ('names = {"linear_y"};', "linear_y"),
    ("// angular_z in rad/s", "angular_z"),
    ('lower == "left"', '"left"'),
    ('fmt::format("pass the box on the right");', "on the right"),
    ('"left and right swapped in the sentence"', "left and right"),
)
CLEAN = (
    'if (node.op_type == "LSTM") return Lstm(node);',
    'Cost{"DynamicQuantizeLSTM", RunLstm},',
    "target.int8_lstm_weights = true;",
    'log.Note("one input is left out");  // the encoder and the head of a policy',
    'svg.Text(left ? "start" : "end");',
    "constexpr std::string_view kHeading = \"heading\";",
)


def check_words(root, *options):
    done = subprocess.run([sys.executable, TOP / "script/check-words", "--root", root, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


class CheckWords(unittest.TestCase):
    """Each test has a small clean tree with the project's own list."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("cmake/words.txt", (TOP / "cmake/words.txt").read_text())
        self.write("src/engine/clean.cc", "\n".join(CLEAN) + "\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def test_clean_tree_passes(self):
        status, output = check_words(self.root)
        self.assertEqual(status, 0, output)
        self.assertIn("1 files", output)

    def test_each_planted_word_is_found(self):
        for place in ("src/engine/planted.cc", "src/cli/planted.h", "include/vlaq/planted.h", "python/planted.py"):
            self.write(place, "".join(f"{line}\n" for line, _ in PLANTED))
            status, output = check_words(self.root)
            self.assertEqual(status, 1, output)
            lines = {line.split(" ")[0]: line for line in output.splitlines()}
            for number, (line, said) in enumerate(PLANTED, 1):
                with self.subTest(place=place, line=line):
                    message = lines.get(f"{place}:{number}:", "")
                    self.assertIn(said, message)
                    self.assertIn("(cmake/words.txt, ", message)
            (self.root / place).unlink()

    def test_a_family_s_folder_and_tests_may_say_all(self):
        for place in ("src/families/one/graphs.cc", "src/sim/world.cc", "src/engine/work_test.cc",
                      "src/quantize/plan/cost_for_test.h", "src/report/testing.h"):
            self.write(place, "\n".join(line for line, _ in PLANTED) + "\n")
        status, output = check_words(self.root)
        self.assertEqual(status, 0, output)

    def test_a_file_s_name_counts(self):
        self.write("src/engine/kosmos2.cc", "\n")
        status, output = check_words(self.root)
        self.assertEqual(status, 1)
        self.assertIn("src/engine/kosmos2.cc: its name says", output)

    def test_modules_are_listed(self):
        self.write("src/cli/a.cc", 'Open("head");\nOpen("whole");\n')
        self.write("src/bundle/a.cc", 'Open("head");\n')
        status, output = check_words(self.root, "--by-module")
        self.assertEqual(status, 1)
        self.assertIn("2 cli", output)
        self.assertIn("1 bundle", output)
        self.assertEqual(check_words(self.root, "--module", "engine")[0], 0)
        status, output = check_words(self.root, "--module", "bundle")
        self.assertEqual(status, 1)
        self.assertIn("1 violation", output)

    def test_a_list_that_cannot_be_read_is_refused(self):
        for text, why in (("word a\n", "expected 'word NAME: REASON'"), ("skip src/: \n", "expected 'skip"),
                          ("word a: b\n  allow x\n", "expected 'allow"), ("wird a: b\n", "'wird' is none of"),
                          ("  forbid x\n", "is not as"), ("word a: b\n  forbid (\n", "missing )")):
            with self.subTest(text=text):
                self.write("cmake/words.txt", text)
                status, output = check_words(self.root)
                self.assertEqual(status, 1)
                self.assertIn("cmake/words.txt:", output)
                if why != "is not as":
                    self.assertIn(why, output)

    def test_nothing_to_look_at_is_no_pass(self):
        shutil.rmtree(self.root / "src")
        self.assertEqual(check_words(self.root)[0], 1)
        self.write("src/a/a.cc", "\n")
        self.write("cmake/words.txt", "# nothing\n")
        self.assertEqual(check_words(self.root)[0], 1)


if __name__ == "__main__":
    unittest.main()
