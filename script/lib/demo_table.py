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


verify, streaming, whole = load("verify.json"), load("streaming.json"), load("whole.json")
checks = {check["name"]: check for check in verify["checks"]}
apart = max(abs(a - b) for s, t in zip(streaming["steps"], whole["steps"], strict=True)
            for p, q in zip(s["action"], t["action"], strict=True) for a, b in zip(p, q, strict=True))
rows = [
    ("Is every weight of the checkpoint in the bundle?",
     f"yes: the outputs depend on {100 * verify['reached_fraction']:.0f} % of {verify['parameters']:,} parameters"),
    ("Does it compute what PyTorch computes?",
     f"yes: actions differ by {checks['actions']['figures']['max_absolute']:.0e} at most (1e-5 allowed)"),
    ("Is one new frame a step as good as the whole window?",
     f"{'yes' if apart <= 1e-6 else 'NO'}: the actions differ by {apart:.0e} at most"),
    ("What does a control step cost?",
     f"{median_ms(streaming):.1f} ms with one new frame, {median_ms(whole):.1f} ms with the window of 8 (909 narrow tensors)"),
    ("Is a look-alike network caught?", f"yes: verify ends with {caught}" if caught != "no" else "NO"),
]
width = max(len(question) for question, _ in rows)
print("\n".join(f"{question:<{width}}  {answer}" for question, answer in rows))
