"""Of script/robot-soak, which says what it does. Exit code 77 without cyclonedds (PyPI) or, in vlaq, DDS."""
import argparse
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

TICK_MS, INFERENCE_MS, ACTION_MS = 20, 100, 400
SETTLED_S = 300  # from here on memory must not grow
GROWTH_LIMIT = 0.01
SAMPLE_S = 10


def settings(proposed):
    """Whatever the policy says, the robot moves: 0.2 m/s with a touch of the policy's own. So a command of zero is a stop."""
    proposed["timing"].update(control_period_ms=TICK_MS, inference_period_ms=INFERENCE_MS, action_period_ms=ACTION_MS,
                              expected_latency_ms=INFERENCE_MS / 2)
    proposed["safety"].update(range_required=True, operator_required=True, peer_required=True)
    for axis in proposed["axes"]:
        axis.update(scale=0.001, offset=0.2, max_rate=100)
    proposed["ros2"]["range"] = {"topic": "/scan", "type": "sensor_msgs/msg/LaserScan"}
    return proposed


def sample(pid):
    """Of one process; None once it has ended."""
    try:
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return {"rss_kib": int(status["VmRSS"].split()[0]), "anonymous_kib": int(status["RssAnon"].split()[0]), "threads": int(status["Threads"]),
                "files": len(os.listdir(f"/proc/{pid}/fd")), "cpu_s": (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")}
    except (OSError, KeyError):
        return None


def children_of(task):
    try:
        return [int(child) for child in (task / "children").read_text().split()]
    except OSError:
        return []


def descendants(pid):
    found = [child for task in pathlib.Path(f"/proc/{pid}/task").glob("*") for child in children_of(task)]
    return found + [further for child in found for further in descendants(child)]


def sum_of(samples):
    return {key: sum(one[key] for one in samples) for key in samples[0]} if samples else None


def slope(points):
    """Least squares, units of y per hour; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = (statistics.fmean(axis) for axis in zip(*points))
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def memory(samples):
    """What became of the memory; samples are [{"at_s", "rss_kib"...}] in order of time."""
    last = samples[-1]["at_s"]

    def at(second):
        return min(samples, key=lambda one: abs(one["at_s"] - second))

    settled = at(min(SETTLED_S, last / 2))
    after = [one for one in samples if one["at_s"] >= settled["at_s"]]
    return {"at_1_min_kib": at(60)["rss_kib"], "settled_at_s": settled["at_s"], "settled_kib": settled["rss_kib"], "middle_kib": at(last / 2)["rss_kib"],
            "end_kib": samples[-1]["rss_kib"], "largest_kib": max(one["rss_kib"] for one in samples),
            "growth": samples[-1]["rss_kib"] / settled["rss_kib"] - 1, "judged": last >= 2 * SETTLED_S,
            "slope_kib_per_hour": slope([(one["at_s"], one["rss_kib"]) for one in after]),
            "anonymous_slope_kib_per_hour": slope([(one["at_s"], one["anonymous_kib"]) for one in after])}


class Commands:
    """What the base heard."""

    def __init__(self):
        self.heard = self.standing = 0  # since it first moved
        self.longest_gap_ms, self.last = 0.0, None

    def add(self, sent_ns, moves):
        if self.last is None and not moves:
            return
        if self.last is not None:
            self.longest_gap_ms = max(self.longest_gap_ms, (sent_ns - self.last) / 1e6)
        self.last = sent_ns
        self.heard += 1
        self.standing += not moves


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def machine():
    return {"cpu": processor(), "architecture": platform.machine(), "threads": len(os.sched_getaffinity(0)), "kernel": f"{platform.system()} {platform.release()}"}


def comes_first():
    """This process and its threads to come stand for hardware that shares no processor with the robot's program. A lower nice value would not do:
    where the kernel groups processes by session, it counts within the session alone."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except OSError:
        print("SCHED_FIFO is refused: what the camera and the base do late counts as the robot's faults", file=sys.stderr)


def drive(process, world, seconds):
    """[samples], commands; until `seconds` after the robot first moved."""
    commands, samples, began = Commands(), [], time.monotonic()
    moving_since, next_sample, next_say = None, 0.0, 30.0
    while process.poll() is None:
        for sent_ns, moves in world.turn():
            commands.add(sent_ns, moves)
        now = time.monotonic()
        if moving_since is None:
            if commands.heard:
                moving_since = now
            elif now - began > 60:
                break  # it does not drive
        else:
            at = now - moving_since
            if at >= min(next_sample, seconds):
                next_sample += SAMPLE_S if seconds > 10 * SAMPLE_S else seconds / 10
                parts = {"loop": sample(process.pid), "inference": sum_of([one for one in map(sample, descendants(process.pid)) if one])}
                if all(parts.values()):
                    samples.append({"at_s": round(at, 3), "load": os.getloadavg()[0], **sum_of(list(parts.values())), "parts": parts})
            if at >= next_say:
                next_say += 300
                print(f"{at:.0f} s: {commands.heard} commands, {commands.standing} of them stand still, {samples[-1]['rss_kib']} KiB, load {samples[-1]['load']:.1f}", flush=True)
            if at >= seconds:
                break
        time.sleep(0.004)
    return samples, commands


def end(process, world):
    """Its exit code after SIGTERM; the world goes on meanwhile, so that nothing else stops it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 15
    while process.poll() is None and time.monotonic() < deadline:
        world.turn()
        time.sleep(0.004)
    if process.poll() is None:
        process.kill()
    return process.wait()


def judge(samples, commands, summary, code, untimed):
    """[what is wrong]"""
    if not samples:
        return ["it did not drive"]
    wrong = [] if code == 0 else [f"its exit code is {code}"]
    if summary is None:
        return [*wrong, "it gave no summary"]
    if untimed:
        return wrong
    if commands.standing:
        wrong.append(f"it left RUN by itself: {commands.standing} commands stood still; reasons: {summary['reasons']}")
    grown = memory(samples)
    if grown["judged"] and grown["growth"] > GROWTH_LIMIT:
        wrong.append(f"memory grew by {100 * grown['growth']:.2f} % from {grown['settled_kib']} to {grown['end_kib']} KiB")
    return wrong


def report(options, samples, commands, summary, code, pause_ms):
    wrong = judge(samples, commands, summary, code, options.untimed)
    whole = {"schema": "vlaq.robot_soak/1", "machine": machine(), "bundle": os.path.basename(os.path.abspath(options.bundle)),
             "options": options.more, "seconds": samples[-1]["at_s"] if samples else 0,
             "timing_ms": {"tick": TICK_MS, "inference": INFERENCE_MS, "action": ACTION_MS}, "passed": not wrong, "wrong": wrong, "summary": summary,
             "commands": {"heard": commands.heard, "standing": commands.standing, "longest_gap_ms": commands.longest_gap_ms},
             "world": {"longest_pause_ms": pause_ms}}
    if samples:
        loads = [one["load"] for one in samples]
        whole |= {"memory": memory(samples), "load": {"mean": statistics.fmean(loads), "max": max(loads)},
                  "threads": sorted({one["threads"] for one in samples}), "files": sorted({one["files"] for one in samples}),
                  "parts": {name: memory([{"at_s": one["at_s"], **one["parts"][name]} for one in samples]) for name in ("loop", "inference")},
                  "cpu_share": samples[-1]["cpu_s"] / max(1e-9, samples[-1]["at_s"]), "samples": samples}
    return whole


def show(whole):
    summary, kept = whole["summary"], whole.get("memory")
    if summary:
        late = summary["jitter"]
        print(f"{summary['ticks']} ticks in {whole['seconds']:.0f} s, {summary['missed_ticks']} missed; late by p50 {late['p50_ms']:.3f}, p99 {late['p99_ms']:.3f}, "
              f"max {late['max_ms']:.3f} ms; {summary['inferences']} inferences, {summary['failed_inferences']} failed, {summary['missed_deadlines']} late")
    if kept:
        print(f"memory: {kept['at_1_min_kib']} KiB at 1 min, {kept['middle_kib']} in the middle, {kept['end_kib']} at the end; {100 * kept['growth']:+.2f} % since "
              f"{kept['settled_at_s']:.0f} s; threads {whole['threads']}, files {whole['files']}; load {whole['load']['mean']:.1f}, at most {whole['load']['max']:.1f}")
    print("PASS" if whole["passed"] else "FAIL: " + "; ".join(whole["wrong"]))


def split(words):
    """Before and after `--`."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1:]


def main():
    parser = argparse.ArgumentParser(prog="script/robot-soak")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("bundle")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--untimed", action="store_true", help="a stop and memory fail nothing")
    words, more = split(sys.argv[1:])
    options = parser.parse_args(words, argparse.Namespace(more=more))
    try:
        from robot_dds import World
    except ImportError as error:
        print(f"skipped: {error}; script/setup --test installs it")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what it started is ended, too
    options.work.mkdir(parents=True, exist_ok=True)
    vlaq = os.environ.get("VLAQ", "build/vlaq")
    proposed = subprocess.run([vlaq, "robot", options.bundle, "--propose"], stdout=subprocess.PIPE, text=True, check=True).stdout
    file = options.work / "robot.json"
    file.write_text(json.dumps(settings(json.loads(proposed)), indent=2) + "\n")
    domain = 10 + os.getpid() % 90
    command = [vlaq, "robot", options.bundle, "--ros2", "--settings", str(file), "--arm", "--localhost-only", "--domain", str(domain), "--json", *options.more]
    log = options.work / "vlaq.log"
    with open(options.work / "summary.json", "w") as out, open(log, "w") as said:
        process = subprocess.Popen(command, stdout=out, stderr=said)
        comes_first()
        world = World(domain)
        try:
            samples, commands = drive(process, world, options.seconds)
        finally:
            code = end(process, world)
    if "Cyclone DDS" in log.read_text() and not samples:
        print("skipped: " + log.read_text())
        return 77
    try:
        summary = json.loads((options.work / "summary.json").read_text())["drives"][0]
    except (ValueError, KeyError, IndexError):
        summary = None
    whole = report(options, samples, commands, summary, code, world.longest_pause_ms)
    (options.work / "robot_soak.json").write_text(json.dumps(whole, indent=1) + "\n")
    show(whole)
    return 0 if whole["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
