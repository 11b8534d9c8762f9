#!/usr/bin/env python3
"""Puts results of compare.py into docs/quantization.md, between its markers.

    python -m benchmarks.quantization.report docs/quantization.md RESULTS.json...

The text between "<!-- quantizers NAME: ..." and "<!-- end of quantizers NAME -->" is replaced, where NAME is the policy's.
"""
import json
import math
import pathlib
import re
import statistics
import sys


def number(value, form):
    return "-" if value is None else format(value, form)


def get(row, *keys):
    for key in keys:
        row = (row or {}).get(key)
    return row


def megabytes(count):
    return "-" if count is None else f"{count / 1e6:,.2f}" if count < 1e9 else f"{count / 1e6:,.0f}"


def rollouts(row):
    pair = row.get("rollouts")
    if not pair:
        return "-"
    return f"{pair['successes']} of {pair['of']} (+{pair['only_this']} -{pair['only_source']}, p {pair['mcnemar_p']:.2g})"


def milliseconds(row, engine, threads):
    times = get(row, "latency", f"{engine}-{threads}", "step_ms")
    return "-" if not times else f"{statistics.median(times):.2f}" if statistics.median(times) < 10 else f"{statistics.median(times):.0f}"


def ratio(row, source, key):
    """Of the source's time, as the median over rounds of the ratio within a round: neighbors slow both."""
    times = [get(r, "latency", key, "step_ms") for r in (row, source)]
    return "-" if None in times else f"{statistics.median(a / b for a, b in zip(*times)):.2f}"


def title(row):
    return f"{row['tool']} {row['what']}".strip()


def importer(row):
    said = row.get("importer")
    return "-" if said is None else "no" if said["refused"] else "yes"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def accuracy(result):
    rows = [[title(row), megabytes(row.get("bytes")), number(row.get("mae"), ".4f"), number(row.get("mae_held_out"), ".4f"),
             number(get(row, "actions", "rmse_against_source"), ".4f"), number(get(row, "actions", "largest_against_source"), ".3f"),
             number(get(row, "actions", "feature_sqnr_db"), ".1f"), importer(row), rollouts(row)]
            for row in result["rows"] if "bytes" in row]
    header = ["made by", "MB", f"MAE, {result['steps']} steps", "MAE, held_out", "actions moved, RMS", "at most", "feature, dB",
              "NVIDIA takes it", "arrived (only it, only fp32)"]
    if result["data"] == "pictures":  # actions of weights that were never trained mean nothing
        return table(["made by", "MB", "feature, dB", "NVIDIA takes it"], [[row[0], row[1], row[6], row[7]] for row in rows])
    return table(header, rows)


def cost(result):
    threads = sorted({int(key.split("-")[1]) for row in result["rows"] for key in row.get("latency", {})})
    rows, source = [], result["rows"][0]
    for row in result["rows"]:
        if "latency" not in row:
            continue
        cells = [title(row)]
        for count in threads:
            cells += [milliseconds(row, "onnxruntime", count), ratio(row, source, f"onnxruntime-{count}")]
        cells += [milliseconds(row, "openvino", count) for count in threads]
        made = row.get("made")
        rows.append(cells + [number(get(made, "seconds"), ".1f"), megabytes(get(made, "own_bytes"))])
    header = ["made by"]
    for count in threads:
        header += [f"ms, {count} thread{'s' * (count > 1)}", "of fp32"]
    header += [f"OpenVINO ms, {count}" for count in threads]
    return table(header + ["quantized in, s", "own memory, MB"], rows)


# The rows whose times are claimed to be no worse: equal precision, the same engine.
RIVALS = (("vlaq-cpu-int8", "ort-dynamic"), ("vlaq-portable-int8", "ort-static-linears-u8s8-minmax"))


def interval(ratios):
    """95 % of the median: order statistics of the binomial (exact for any distribution); None with fewer than 6 rounds."""
    ordered, n = sorted(ratios), len(ratios)
    tail, k = 0.0, 0
    while tail + math.comb(n, k) / 2**n <= 0.025:
        tail += math.comb(n, k) / 2**n
        k += 1
    return (ordered[k - 1], ordered[n - k]) if k else None


def rivals(result):
    rows = {row["name"]: row for row in result["rows"]}
    lines = []
    for ours, theirs in RIVALS:
        for key in sorted(key for key in rows.get(ours, {}).get("latency", {}) if key.startswith("onnxruntime")):
            times = [get(rows.get(name), "latency", key, "step_ms") for name in (ours, theirs)]
            if None in times:
                continue
            ratios = [a / b for a, b in zip(*times)]
            between = interval(ratios)
            sure = f"95 % interval {between[0]:.2f} to {between[1]:.2f}" if between else "too few rounds for an interval"
            lines.append(f"- {title(rows[ours])} takes {statistics.median(ratios):.2f} of the time of {title(rows[theirs])} with "
                         f"{key.split('-')[1]} thread(s): {sure}, {len(ratios)} rounds.")
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def failures(result):
    lines = [f"- {title(row)}, {what}: {why}" for row in result["rows"] for what, why in row.get("failed", {}).items()]
    return "\nNot made, or not taken by an engine:\n\n" + "\n".join(lines) + "\n" if lines else ""


def text(result):
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    head = f"{result['cpu']}; {versions}; {result['samples']} calibration frames.\n\n"
    return head + accuracy(result) + "\n" + cost(result) + rivals(result) + failures(result)


def main():
    page = pathlib.Path(sys.argv[1])
    content = page.read_text()
    for path in sys.argv[2:]:
        result = json.loads(pathlib.Path(path).read_text())
        name = result["policy"]
        begin, end = f"<!-- quantizers {name}: made by script/quantization -->", f"<!-- end of quantizers {name} -->"
        if begin not in content:
            raise SystemExit(f"{page} has no marker {begin}")
        content = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{text(result)}{end}", content, flags=re.S)
    page.write_text(content)


if __name__ == "__main__":
    main()
