"""`vlaq check` against NVIDIA's own importer and builder on the small graphs of corpus.py.

    agreement_test.py PROGRAM PYTHON_WITH_TENSORRT [--update]

Each graph is shown to TensorRT-RTX (as import_check.py does it) and to the rules of 8.6 and of 10.3. The importer and the rules of
10.3 must say the same, except where the corpus says why not. agreement.txt is the table that comes out; a difference from it is
a failure, --update writes it anew.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import onnx

import corpus

SKIPPED = 77
PLACE = pathlib.Path(__file__).parent
TABLE = PLACE / "agreement.txt"
VERSIONS = ("8.6", "10.3")
# Rules of the list for which there is no graph here.
NO_GRAPH = {
    "TRT-G06": "a file of 2 GiB, which nobody reads; src/check/check_test.cc has it",
    "TRT-G04a": "a rule of 8.6 (int64_input shows that 10 keeps INT64)",
    "TRT-G20a": "a rule of 8.6 (functions of the model's own)",
    "TRT-G20b": "functions of the model's own: a warning of what was not looked into",
    "TRT-S03": "a note about profiles, which reshape_from_shape and lstm_dynamic_batch get",
    "TRT-S04": "onnx itself refuses inputs without a shape",
    "TRT-Q01a": "a rule of 8.6 (qdq_without_zero_point breaks it there)",
    "TRT-Q10": "a rule of 8.6 (a Q of float16), TensorRT-RTX follows TensorRT 10",
    "TRT-Q04": "a rule of 8.6 (a scale of float16), TensorRT-RTX follows TensorRT 10",
    "TRT-Q11c": "onnx itself refuses an output_dtype that is not the zero point's",
    "TRT-Q13": "a rule of 8.6 (weight_int8_constant shows that 10 takes it)",
    "TRT-Q15a": "a rule of 8.6 (FP8 and INT4), TensorRT-RTX follows TensorRT 10",
}


def check(program, path, version):
    done = subprocess.run([program, "check", path, "--tensorrt", version, "--json"], capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["accepted"] else 5), (path, done.returncode, done.stderr)
    return report


def misread(model, shapes):
    """Whether an output has another shape than ONNX says; unknown extents fit all."""
    for output in model.graph.output:
        declared = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in output.type.tensor_type.shape.dim]
        found = shapes.get(output.name, declared)
        if len(declared) != len(found) or any(a >= 0 and b >= 0 and a != b for a, b in zip(declared, found)):
            return True
    return False


def imported(python, paths):
    """What the importer says of each file: "accepted", "refused", "no engine", or "misread": its outputs have wrong shapes."""
    done = subprocess.run([python, PLACE / "import_check.py", "--build", "--json", *paths], capture_output=True, text=True)
    assert done.returncode in (0, 5), done.stderr[-2000:]
    verdicts = {}
    for result in json.loads(done.stdout):
        taken = "misread" if misread(onnx.load(result["file"]), result.get("outputs", {})) else "accepted"
        built = any(reason["why"].startswith("parsed, but no engine") for reason in result["refused"])
        verdicts[pathlib.Path(result["file"]).stem] = taken if result["accepted"] else "no engine" if built else "refused"
    return verdicts


def rules_of(program):
    done = subprocess.run([program, "check", "--list-rules", "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["rules"]


def check_case(case, reports, rules):
    """The rule that the graph is about speaks of it when it breaks it, for a version that has the rule."""
    said = [any(finding["id"] == case.rule for finding in reports[version]["findings"]) for version in VERSIONS]
    assert any(rule["id"] == case.rule for rule in rules), f"{case.name}: there is no rule {case.rule}"
    assert any(said) == case.breaks, f"{case.name}: {case.rule} should {'' if case.breaks else 'not '}speak of it"


def check_valid(case):
    try:
        onnx.checker.check_model(case.model, full_check=True)
        valid = True
    except Exception:  # the checker's own classes differ by version
        valid = False
    assert valid == (not case.invalid), f"{case.name}: valid ONNX is {valid}"


def agreement(case, refused_by_rules, refused_by_importer):
    if case.unjudged:
        return f"not judged: {case.unjudged}"
    if refused_by_rules == refused_by_importer:
        assert not case.differs, f"{case.name}: agrees, but should differ: {case.differs}"
        return "agree"
    assert case.differs, f"{case.name}: the rules {'refuse' if refused_by_rules else 'take'} it, the importer does not say so"
    return f"differs: {case.differs}"


def errors(report):
    ids = sorted({finding["id"] for finding in report["findings"] if finding["severity"] == "error"})
    return " ".join(ids) or "ok"


def rows_of(program, python, folder):
    paths = {}
    for case in corpus.CASES:
        check_valid(case)
        paths[case.name] = folder / f"{case.name}.onnx"
        onnx.save(case.model, paths[case.name])
    verdicts, rules = imported(python, paths.values()), rules_of(program)
    missing = {rule["id"] for rule in rules} - {case.rule for case in corpus.CASES} - set(NO_GRAPH)
    assert not missing, f"rules without a graph: {missing}"
    for case in corpus.CASES:
        reports = {version: check(program, paths[case.name], version) for version in VERSIONS}
        check_case(case, reports, rules)
        verdict = verdicts[case.name]
        yield (case.name, case.rule, "breaks" if case.breaks else "keeps", *(errors(reports[version]) for version in VERSIONS), verdict,
               agreement(case, not reports["10.3"]["accepted"], verdict != "accepted"))


def text_of(rows):
    header = ("graph", "rule", "does", "8.6", "10.3", "TensorRT-RTX", "agreement")
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header) - 1)]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[-1]]).rstrip() for row in table]
    kinds = [row[-1].split(":")[0] for row in rows]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("agree", "differs", "not judged"))
    others = [f"{rule}: {why}" for rule, why in sorted(NO_GRAPH.items())]
    return "\n".join([*lines, "", f"{len(rows)} graphs: {counts}", "", "Rules without a graph:", *others, ""])


def main():
    program, python = sys.argv[1], pathlib.Path(sys.argv[2])
    if not python.is_file():
        print(f"skipped: no {python} (script/setup --test installs it on x86_64)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        text = text_of(list(rows_of(program, python, pathlib.Path(folder))))
    print(text)
    if "--update" in sys.argv:
        TABLE.write_text(text)
    if not TABLE.is_file() or TABLE.read_text() != text:
        print(f"this is not what {TABLE} says; agreement_test.py --update writes it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
