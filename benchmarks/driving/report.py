#!/usr/bin/env python3
"""Puts the results of script/driving into docs/driving.md, between its markers.

  report.py WORK docs/driving.md
"""
import json
import pathlib
import re
import sys

LABELS = {
    "none": "as it is",
    "gray_image": "gray images",
    "frozen_image": "first frame only",
    "shuffled_images": "images of other scenes",
    "swapped_instruction": "left and right swapped in the instruction",
    "no_instruction": "empty instruction",
    "one_frame": "memory of one frame",
}


def percent(rate):
    low, high = rate["wilson_95"]
    return f"{100 * rate['fraction']:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def rollouts(document):
    for entry in document["policy"]["ablations"]:
        s = entry["summary"]
        yield [LABELS[entry["ablation"]], percent(s["success"]), f"{100 * s['passed_on_told_side']['fraction']:.1f}",
               f"{100 * s['collided']['fraction']:.1f}", f"{100 * s['timed_out']['fraction']:.1f}",
               *([f"{s['mean_seconds_of_successes']:.1f}", f"{s['mean_path_length_of_successes_m']:.2f}"] if s["success"]["count"] else ["-", "-"])]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---"] + ["---:"] * (len(header) - 1)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def closed_loop(work):
    rows = [["expert, " + row[0]] + row[1:] for row in rollouts(json.loads((work / "expert.json").read_text()))]
    document = json.loads((work / "policy.json").read_text())
    rows += [["policy, " + row[0]] + row[1:] for row in rollouts(document)]
    text = f"{document['episodes']} episodes each, seeds {document['first_seed']} on.\n\n"
    return text + table(["driver", "success % (95 %)", "told side %", "collided %", "timed out %", "s", "m"], rows)


def open_loop(work):
    rows = []
    for name in ("open_loop", "held_out"):
        document = json.loads((work / f"{name}.json").read_text())
        episodes = len(document["policy"]["ablations"][0]["episodes"])
        for entry in document["policy"]["ablations"]:
            s = entry["summary"]
            moved = f"{entry['moved']['value']:.3f}" if "moved" in entry else ""
            label = {**LABELS, "shuffled_images": "frames in another order"}[entry["ablation"]]
            rows.append([f"{'validation' if name == 'open_loop' else 'held_out'} ({episodes}), {label}",
                         f"{s['mae']:.4f}", f"{s['axes']['linear_x']['mae']:.4f}", f"{s['axes']['linear_y']['mae']:.4f}",
                         f"{s['rmse']:.4f}", f"{s['mae_raw']:.4f}", f"{100 * s['direction_agreement']:.1f}", moved])
    return table(["episodes", "MAE", "MAE linear_x", "MAE linear_y", "RMSE", "MAE, m/s", "direction %", "actions moved by"], rows)


def pytorch(work):
    document = json.loads((work / "pytorch.json").read_text())
    entry = document["comparison"][0]
    ours = document["policy"]["ablations"][0]["outcomes"]
    theirs = document["reference"]["ablations"][0]["outcomes"]
    same = sum(a == {**b, "path_length_m": a["path_length_m"]} for a, b in zip(ours, theirs))
    furthest = max(abs(a["path_length_m"] - b["path_length_m"]) for a, b in zip(ours, theirs))
    return (f"Of {len(ours)} seeds, {same} end alike with ONNX Runtime and with PyTorch in every respect (success, side, "
            f"collision, number of steps); path lengths differ by at most {furthest:.1e} m. Success with both: {entry['both']}, "
            f"only ONNX: {entry['only_policy']}, only PyTorch: {entry['only_reference']}, neither: {entry['neither']}.\n")


def main():
    work, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    text = page.read_text()
    for name, make in (("closed loop", closed_loop), ("open loop", open_loop), ("pytorch", pytorch)):
        begin, end = f"<!-- {name}: made by script/driving -->", f"<!-- end of {name} -->"
        if begin not in text:
            raise SystemExit(f"{page} has no marker {begin}")
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{make(work)}{end}", text, flags=re.S)
    page.write_text(text)


if __name__ == "__main__":
    main()
