"""Breaks copies of the tree one way at a time and expects script/check-modules to name the file, the line and the reason."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]


def check_modules(root, *options):
    """(exit status, output) of script/check-modules for the tree at `root`."""
    done = subprocess.run([sys.executable, TOP / "script/check-modules", "--root", root, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


class CheckModules(unittest.TestCase):
    """Each test has a small clean tree with the project's own rules."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "cmake").mkdir()
        for name in ("modules.txt", "third_party.txt"):
            shutil.copy(TOP / "cmake" / name, self.root / "cmake" / name)
        self.write("base/status.h", "#pragma once\n#include <string>\n")
        self.write("tensor/tensor.h", '#include "base/status.h"\n')
        self.write("backend/backend.h", '#include "tensor/tensor.h"\n')
        self.write("backend/onnxruntime/session.cc", '#include <onnxruntime_cxx_api.h>\n#include "backend/backend.h"\n')

    def write(self, path, text):
        file = self.root / "src" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def expect_violation(self, *parts):
        status, output = check_modules(self.root)
        self.assertEqual(status, 1, output)
        self.assertIn(": 1 violation", output)
        for part in parts:
            self.assertIn(part, output)

    def test_clean_tree_passes(self):
        status, output = check_modules(self.root)
        self.assertEqual(status, 0, output)
        self.assertIn("4 files in", output)

    def test_dependency_that_points_back(self):
        self.write("base/text.cc", '// words\n#include "tensor/tensor.h"\n')
        self.expect_violation("src/base/text.cc:2:", "no dependency from base to tensor")

    def test_sibling_that_is_no_dependency(self):
        self.write("image/resize.cc", '#include "policy/policy.h"\n')
        self.expect_violation("src/image/resize.cc:1:", "no dependency from image to policy")

    def test_nested_module_is_not_its_parent(self):
        self.write("runtime/loop.cc", '#include "backend/onnxruntime/session.h"\n')
        self.expect_violation("src/runtime/loop.cc:1:", "no dependency from runtime to backend/onnxruntime")

    def test_folder_inside_a_module_belongs_to_it(self):
        self.write("inspection/family/graph.cc", '#include "runtime/loop.h"\n')
        self.expect_violation("src/inspection/family/graph.cc:1:", "no dependency from inspection to runtime")

    def test_unknown_module(self):
        self.write("tensor/view.h", '#include "blob/blob.h"\n')
        self.expect_violation("src/tensor/view.h:1:", "is in no module")

    def test_file_outside_every_module(self):
        self.write("helpers/misc.h", "#pragma once\n")
        self.expect_violation("src/helpers/misc.h:", "is no module")

    def test_include_without_its_module(self):
        self.write("tensor/view.h", '#include "tensor.h"\n')
        self.expect_violation("src/tensor/view.h:1:", "write the path from src/")

    def test_own_header_in_angle_brackets(self):
        self.write("tensor/view.h", "#include <tensor/tensor.h>\n")
        self.expect_violation("src/tensor/view.h:1:", "is ours")

    def test_library_outside_its_places(self):
        for path, header in (("runtime/loop.cc", "onnxruntime_c_api.h"), ("bundle/bundle.cc", "onnx/onnx_pb.h"),
                             ("onnx/graph.h", "nlohmann/json.hpp"), ("runtime/loop.cc", "CLI/CLI.hpp"),
                             ("runtime/loop.cc", "sentencepiece_processor.h"), ("tensor/view.h", "png.h"),
                             ("checkpoint/zip.cc", "google/protobuf/message.h")):
            with self.subTest(header=header):
                self.write(path, f"#include <{header}>\n")
                self.expect_violation(f"src/{path}:1: <{header}> may only be included in")
                (self.root / "src" / path).unlink()

    def test_spacing_does_not_hide_an_include(self):
        self.write("base/text.cc", '  #  include   "tensor/tensor.h"\n')
        self.expect_violation("src/base/text.cc:1:")

    def test_tests_may_use_what_their_module_names_for_them(self):
        self.write("inspection/family_test.cc", '#include "backend/reference/reference.h"\n')
        self.expect_violation("no dependency from inspection to backend/reference")
        self.write("inspection/CMakeLists.txt", "vlaq_module(inspection\n  SOURCES a.cc\n  TEST_LINK vlaq_backend_reference)\n")
        self.assertEqual(check_modules(self.root)[0], 0)
        self.write("inspection/family.cc", '#include "backend/reference/reference.h"\n')
        self.expect_violation("src/inspection/family.cc:1:")

    def test_rule_file_with_a_dependency_upwards(self):
        modules = self.root / "cmake/modules.txt"
        modules.write_text(modules.read_text().replace("tensor: base\n", "tensor: base onnx\n"))
        status, output = check_modules(self.root)
        self.assertEqual(status, 1)
        self.assertIn("'tensor' names 'onnx', which does not stand above it", output)

    def test_empty_tree_is_not_a_pass(self):
        shutil.rmtree(self.root / "src")
        (self.root / "src").mkdir()
        self.assertEqual(check_modules(self.root)[0], 1)

    def test_stale_picture(self):
        document = self.root / "docs/architecture.md"
        document.parent.mkdir()
        shutil.copy(TOP / "docs/architecture.md", document)
        self.assertEqual(check_modules(self.root, "--update")[0], 0)
        self.assertEqual(check_modules(self.root, "--check-picture")[0], 0)
        modules = self.root / "cmake/modules.txt"
        modules.write_text(modules.read_text() + "attic: base\n")
        self.assertEqual(check_modules(self.root, "--check-picture")[0], 1)
        self.assertEqual(check_modules(self.root, "--update")[0], 0)
        self.assertIn("  attic\n", document.read_text())
        self.assertEqual(check_modules(self.root, "--check-picture")[0], 0)


if __name__ == "__main__":
    unittest.main()
