"""The last table of script/demo: what was shown, in words for somebody who sees vlaq for the first time."""
import json
import pathlib
import statistics
import sys

work, caught = pathlib.Path(sys.argv[1]), sys.argv[2]


def load(name):
    return json.loads((work / name).read_text())


def median_ms(run):
    return statistics.median(step["latency_ms"] for step in run["steps"][-3:])  # the window is full by then


def conditions(name):
    """Summaries of an evaluation by condition; empty if it was not made (no simulator)."""
    if not (work / name).exists():
        return {}
    return {entry["condition"]: entry for entry in load(name)["policy"]["conditions"]}


def rate(summary, key):
    return f"{summary[key]['count']} of {summary[key]['of']}"


def figures(name):
    """Figures of a receipt of verify, by check."""
    return {check["name"]: check["figures"] for check in load(name)["checks"]}


verify, golden, streaming, whole = load("verify.json"), figures("golden.json"), load("streaming.json"), load("whole.json")
int8 = figures("int8.json")
open_loop, closed_loop = conditions("open_loop.json"), conditions("closed_loop.json")
apart = max(abs(a - b) for s, t in zip(streaming["steps"], whole["steps"], strict=True)
            for p, q in zip(s["action"], t["action"], strict=True) for a, b in zip(p, q, strict=True))
rows = [
    ("Is every weight of the checkpoint in the bundle?",
     f"yes: the outputs depend on {100 * verify['reached_fraction']:.0f} % of {verify['parameters']:,} parameters"),
    ("Does it compute what PyTorch computes?",
     f"yes: actions differ by {golden['actions']['max_absolute']:.0e} at most (1e-5 allowed)"),
    ("Does it look and listen?",
     f"yes: grey images move its actions by {open_loop['blank']['moved']['value']:.2f}, left and right swapped in the "
     f"sentence by {open_loop['swapped']['moved']['value']:.2f} (of 1)"),
    ("Is one new frame a step as good as the whole window?",
     f"{'yes' if apart <= 1e-6 else 'NO'}: the actions differ by {apart:.0e} at most"),
    ("What does a control step cost?",
     f"{median_ms(streaming):.1f} ms with one new frame, {median_ms(whole):.1f} ms with the window of 8 (909 narrow tensors)"),
    ("What does INT8 cost?",
     f"{100 * int8['bytes']['of_source']:.0f} % of the bytes, {100 * int8['kernels']['macs_int8']:.0f} % of the arithmetic in INT8, "
     f"error of the actions {int8['reference actions']['mae_difference']:+.4f} on {int8['reference actions']['reference_mae']:.4f}"),
    ("Is a look-alike network caught?", f"yes: verify ends with {caught}" if caught != "no" else "NO"),
]
if closed_loop:
    normal, blank, swapped = (closed_loop[name]["summary"] for name in ("normal", "blank", "swapped"))
    rows.insert(3, ("Does it drive, around the boxes to the bottle?",
                    f"{rate(normal, 'success')} episodes; with grey images {rate(blank, 'success')}; told the other side, "
                    f"it passes there in {rate(swapped, 'passed_on_told_side')}"))
width = max(len(question) for question, _ in rows)
print("\n".join(f"{question:<{width}}  {answer}" for question, answer in rows))
