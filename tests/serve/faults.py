"""Faults around `vlaq serve`: what its clients see, after how long, and when they are served again.

    faults.py VLAQ BUNDLE WORK [--trials N] [--quick] [--only TEXT]

Writes WORK/serve_faults.json and prints a table. Exit code 1 if a row fails, 77 if openpi-client is not installed. --quick: each row once, without
those that wait for long, and with ten seconds more for everything, so that a busy machine fails none.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
try:
    import numpy as np
    from fault_clients import KINDS, TIMEOUT_S, Asking, Http, Openpi, first_answer
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)
from cut_proxy import CutProxy  # noqa: E402  beside the plug-in's tests
from server import Server  # noqa: E402

QUICK = "--quick" in sys.argv
SLACK_S = 11.0 if QUICK else 1.0  # of a busy machine
PINGS_S = 50.0  # until openpi-client gives up: its next ping within 20 s, 20 s for the answer, 10 s to close
SESSION_S = 10.0  # until a silent client's session is free
FLOOD_S, FLOOD_RATE = 1.0, 1000
PAUSE_S = 0.5


class Bench:
    def __init__(self, vlaq, bundle):
        self._command = (vlaq, bundle)
        with self.server() as server:
            client, self.first_actions = first_answer(Http, server.port)
            client.close()

    def server(self, sessions=4, port=0):
        return Server(*self._command, "--sessions", str(sessions), port=port)

    def check_fresh(self, actions):
        """An episode has begun: nothing is left of one before."""
        assert np.array_equal(np.float32(actions), np.float32(self.first_actions)), (actions, self.first_actions)


def failing(asking, fault, patience_s):
    """{what the client sees, after how many ms} of a fault."""
    while len(asking.answers) < 3 and asking.error is None:
        time.sleep(0.01)
    begin = time.monotonic()
    fault()
    sees = asking.until_it_fails(patience_s + SLACK_S)
    return {"sees": re.sub(r"ws://\S+ ", "", sees), "error_ms": (asking.failed_at - begin) * 1000}


def served_again(kind, bench, port, begin):
    client, actions = first_answer(kind, port, SESSION_S + SLACK_S)
    again = (time.monotonic() - begin) * 1000
    client.close()
    bench.check_fresh(actions)
    return again


def killed(kind, bench):
    """SIGKILL to the server; it is started again on the same port"""
    with bench.server() as server:
        asking = Asking(kind(server.port))
        row = failing(asking, server.process.kill, TIMEOUT_S)
        begin = time.monotonic()
        with bench.server(port=server.port) as again:
            row["again_ms"] = served_again(kind, bench, again.port, begin)
        asking.end()
    return row


def ended(kind, bench):
    """SIGTERM to the server while it is asked"""
    with bench.server() as server:
        asking = Asking(kind(server.port))
        begin = time.monotonic()
        row = failing(asking, lambda: server.process.send_signal(signal.SIGTERM), TIMEOUT_S)
        assert server.process.wait(10) == 0, "the exit code"
        assert time.monotonic() - begin < 2 + SLACK_S, "it ends late"
        asking.end()
    return row


def closed(kind, bench):
    """the network closes the connection; there is one session"""
    with bench.server(sessions=1) as server, CutProxy(server.port) as network:
        asking = Asking(kind(network.port))
        row = failing(asking, network.close_connections, TIMEOUT_S)
        if kind is not Http:  # which goes on with the episode of its X-Session
            row["again_ms"] = served_again(kind, bench, network.port, time.monotonic())
        asking.end()
    return row


def cut(kind, bench):
    """the network passes nothing any more; there is one session"""
    with bench.server(sessions=1) as server, CutProxy(server.port) as network:
        asking = Asking(kind(network.port))
        row = failing(asking, network.cut, PINGS_S if kind is Openpi else TIMEOUT_S)
        if kind is not Http:
            row["again_ms"] = served_again(kind, bench, server.port, asking.failed_at - row["error_ms"] / 1000)
        asking.end()
    return row


def paused(kind, bench):
    """the network passes nothing for 0.5 s"""
    with bench.server() as server, CutProxy(server.port) as network:
        asking = Asking(kind(network.port))
        time.sleep(0.3)
        network.cut()
        time.sleep(PAUSE_S)
        network.mend()
        time.sleep(0.5)
        asking.end()
        assert asking.error is None, asking.error
        assert len(asking.answers) > 3, "it does not go on"
        longest = max(took for _, took in asking.answers)
        assert longest < PAUSE_S + SLACK_S, longest
    return {"sees": "nothing but a late answer", "answer_max_ms": longest * 1000}


def beside(kind, bench, disturb):
    """How long answers take alone, and while something else happens."""
    with bench.server() as server:
        asking = Asking(kind(server.port))
        time.sleep(FLOOD_S)
        begin = time.monotonic()
        told = disturb(server.port)
        end = time.monotonic()
        asking.end()
        assert asking.error is None, asking.error
        alone = [took for when, took in asking.answers if when < begin]
        beside_it = [took for when, took in asking.answers if begin <= when <= end]
        assert alone and beside_it, "no answers"
        assert max(beside_it) < SLACK_S, max(beside_it)
    return {"sees": told, "alone_ms": statistics.median(alone) * 1000, "answer_ms": statistics.median(beside_it) * 1000,
            "answer_max_ms": max(beside_it) * 1000}


def nonsense(protocol):
    def disturb(port):
        command = [sys.executable, str(pathlib.Path(__file__).parent / "nonsense.py"), protocol, str(port), str(FLOOD_RATE), str(FLOOD_S)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        sent, good = map(int, said.split())
        assert sent == good > 0, said
        disturb.sent.append(sent)
        return "its answers"
    disturb.sent = []
    return disturb


def flood_http(kind, bench):
    """1,000 messages a second that are no msgpack, over HTTP"""
    return beside(kind, bench, FLOODS["http"])


def flood_websocket(kind, bench):
    """as many over websockets, each over a new one"""
    return beside(kind, bench, FLOODS["websocket"])


FLOODS = {protocol: nonsense(protocol) for protocol in ("http", "websocket")}


def slow(kind, bench):
    """another client sends one byte a second"""
    def disturb(port):
        with socket.create_connection(("127.0.0.1", port)) as slow_one:
            begin = time.monotonic()
            slow_one.settimeout(1)
            slow_one.sendall(b"POST /predict HTTP/1.1\r\nX-Slow: ")
            while time.monotonic() < begin + 30:
                try:
                    slow_one.sendall(b"x")
                    if not slow_one.recv(1):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            took = time.monotonic() - begin
            assert 9 < took < 13, f"the slow client is closed after {took} s"
        return "its answers"
    return beside(kind, bench, disturb)


ROWS = (killed, ended, closed, cut, paused, flood_http, flood_websocket, slow)


def is_long(row, kind):
    return row is slow or (row is cut and kind is not Http)


def summary(trials):
    """p50 and max of what was measured."""
    row = {"sees": sorted({one["sees"] for one in trials}), "trials": len(trials)}
    for key in trials[0]:
        if key != "sees":
            values = [one[key] for one in trials]
            row[key] = {"p50": round(statistics.median(values), 1), "max": round(max(values), 1)}
    return row


def text_of(row, key):
    return f"{row[key]['p50']:.0f} / {row[key]['max']:.0f}" if key in row else ""


def main():
    parser = argparse.ArgumentParser(description="Faults around `vlaq serve`, as its clients see them.")
    parser.add_argument("vlaq")
    parser.add_argument("bundle")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="each row once, without those that wait for long")
    parser.add_argument("--only", default="", help="rows whose name or client has this text")
    a = parser.parse_args()
    bench = Bench(a.vlaq, a.bundle)
    rows = []
    print("| fault | client | trials | it sees | after ms | served again after ms | answers alone ms | beside it ms |\n|---|---|---|---|---|---|---|---|")
    for fault in ROWS:
        for kind in KINDS:
            if a.only not in f"{fault.__name__} {kind.name}" or (a.quick and is_long(fault, kind)):
                continue
            count = 1 if a.quick else min(a.trials, 3) if is_long(fault, kind) else a.trials
            row = {"fault": fault.__doc__, "client": kind.name}
            rows.append(row)
            try:
                row.update(summary([fault(kind, bench) for _ in range(count)]))
            except Exception as error:  # the row fails, and the others are still worth a look
                row["failed"] = f"{type(error).__name__}: {error}"
                print(f"FAILED: {row['fault']}, {row['client']}: {row['failed']}", flush=True)
                continue
            beside_it = text_of(row, "answer_ms") or (f"max {row['answer_max_ms']['max']:.0f}" if "answer_max_ms" in row else "")
            if "answer_ms" in row:
                beside_it += f", max {row['answer_max_ms']['max']:.0f}"
            print(f"| {row['fault']} | {row['client']} | {row['trials']} | {'; '.join(row['sees'])} | {text_of(row, 'error_ms')} | {text_of(row, 'again_ms')} | "
                  f"{text_of(row, 'alone_ms')} | {beside_it} |", flush=True)
    a.work.mkdir(parents=True, exist_ok=True)
    machine = {"kernel": platform.release(), "processor": platform.machine(), "cpus": os.cpu_count()}
    floods = {protocol: disturb.sent for protocol, disturb in FLOODS.items()}
    result = {"schema": "vlaq.serve_faults/1", "machine": machine, "timeout_s": TIMEOUT_S, "rows": rows, "nonsense_sent": floods}
    (a.work / "serve_faults.json").write_text(json.dumps(result, indent=1) + "\n")
    for protocol, sent in floods.items():
        if sent:
            print(f"nonsense over {protocol}: {min(sent)} to {max(sent)} messages in {FLOOD_S:.0f} s")
    return 1 if not rows or any("failed" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
