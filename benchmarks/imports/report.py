#!/usr/bin/env python3
"""Puts results of quantize.py and convolutions.py into docs/quantization.md, between its markers.

    python -m benchmarks.imports.report docs/quantization.md IMPORTS.json CONVOLUTIONS.json...
"""
import json
import pathlib
import re
import sys

BEGIN, END = "<!-- imports: made by script/quantize-imports -->", "<!-- end of imports -->"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def percent(share, digits=2):
    return f"{100 * share:.{digits}f}"


def difference(row):
    """RMS and largest difference in percent; what else keeps it from being one."""
    if row is None:
        return "-"
    row = row.get("error", row)
    if "refused" in row:
        return "refused"
    whole = f", {row['wrong']} integers" if row.get("wrong") else ""
    return f"{percent(row['rms'])} / {percent(row['max'])}{whole}"


def nvidia(row):
    said = row.get("importer")
    if "refused" in row:
        return "not made"
    if said is None:
        return "-"
    if said["accepted"]:
        return "yes"
    return "as little as the source" if not row["importer_of_source"]["accepted"] else "NO"


def is_no_worse(row):
    ours, other = row["cpu"].get("error", {}), row["runtime"]
    if "rms" not in ours or "rms" not in other:
        return "-"
    return "yes" if ours["rms"] <= other["rms"] and ours["wrong"] <= other["wrong"] else "NO"


def measured(rows):
    return [row for row in rows if "cpu" in row]


def outcome(code, words):
    return {0: "verified", 5: "not: " + words.split(":")[0]}.get(code, f"exit {code}")


def cells(row):
    cpu, other = row["cpu"], row["runtime"]
    made = f"{cpu['integers']} of {cpu['operators']}" if "operators" in cpu else "none"
    work = percent(cpu["work"], 0) if cpu.get("work") is not None else "-"
    unsigned = " (u8)" if "defaults_refused" in other else ""
    verified = outcome(row["verify"]["exit"], row["verify"]["why"]) if "verify" in row else "-"
    return [row["file"], made, work, difference(cpu), f"{other['integers']}{unsigned}" if "integers" in other else "-", difference(other),
            is_no_worse(row), verified, difference(row["portable"]),
            difference(row["tensorrt-10"]), nvidia(row["tensorrt-10"])]


def remarks(rows):
    """Why rows are what they are: refusals in the words of who refused, without the folders of this machine."""
    lines = []
    for row in rows:
        name = row["file"]
        if "refused" in row:
            lines.append(f"{name}: `vlaq import` refuses it: {row['refused']}")
        if "refused_by_runtime" in row:
            lines.append(f"{name}: ONNX Runtime refuses the file itself: {row['refused_by_runtime']}")
        refusals = {}
        for target in ("cpu", "portable", "tensorrt-10"):
            made = row.get(target, {})
            if "refused" in made:
                refusals.setdefault(made["refused"], []).append(target)
            elif "refused" in made.get("error", {}):
                lines.append(f"{name}, {target}, ONNX Runtime: {made['error']['refused']}")
            if "importer_of_source" in made:
                said = made["importer_of_source"]
                which = "also as imported" if not said["accepted"] else "NOT as imported"
                lines.append(f"{name}, {target}, NVIDIA's importer ({which}): {'; '.join(made['importer']['refused'][:1])}")
        lines += [f"{name}, {', '.join(targets)}: {why}" for why, targets in refusals.items()]
        if row.get("verify", {}).get("exit"):
            lines.append(f"{name}, verify: {row['verify']['why']}")
        if "refused" in row.get("runtime", {}):
            lines.append(f"{name}, quantize_dynamic: {row['runtime']['refused']}")
    lines = [re.sub(r"(?<![\w.'])/(?:[\w.+-]+/)+", "", line).replace("|", "/") for line in lines]
    return "\n".join(f"- {line}" for line in lines) + "\n" if lines else ""


def convolutions(results):
    head = ["layer", *(f"{form}, {r['threads']} thread{'s' * (r['threads'] > 1)}" for r in results for form in r["rows"][0]["ms"])]
    rows = []
    for i, row in enumerate(results[0]["rows"]):
        layer = f"{row['in']} to {row['out']}, {row['kernel']}x{row['kernel']} on {row['extent']}x{row['extent']}"
        times = [(ms, result["rows"][i]["ms"]["float32"]) for result in results for ms in result["rows"][i]["ms"].values()]
        rows.append([layer, *(f"{ms:.2f} ({ms / base:.1f}x)" for ms, base in times)])
    return "\nConvolutions in ONNX Runtime, ms, and of the time in float32:\n\n" + table(head, rows)


def text(result, convolution_results):
    rows = result["rows"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    no_worse = [is_no_worse(row) for row in measured(rows)]
    head = (f"{len(rows)} files; {versions}. INT8 for cpu has no larger an error than quantize_dynamic in {no_worse.count('yes')} of "
            f"{no_worse.count('yes') + no_worse.count('NO')} files that both take.\n\n")
    header = ["file", "cpu: integer operators", "% of work", "cpu", "its integer operators", "quantize_dynamic", "no worse", "`verify`",
              "portable", "tensorrt-10", "NVIDIA takes it"]
    out = head + table(header, [cells(row) for row in measured(rows)])
    notes = remarks(rows)
    if notes:
        out += "\nRefused, and why:\n\n" + notes
    return out + (convolutions(convolution_results) if convolution_results else "")


def main():
    page = pathlib.Path(sys.argv[1])
    content = page.read_text()
    if BEGIN not in content:
        raise SystemExit(f"{page} has no marker {BEGIN}")
    results = [json.loads(pathlib.Path(path).read_text()) for path in sys.argv[2:]]
    made = text(results[0], results[1:])
    page.write_text(re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: f"{BEGIN}\n{made}{END}", content, flags=re.S))


if __name__ == "__main__":
    main()
