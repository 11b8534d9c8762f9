#!/usr/bin/env python3
"""What script/tidy does once everything is installed and the preset "tidy" is configured; script/tidy says what for.

A source counts as found clean while neither it, a header of ours that it includes, its compile command, the rules nor clang-tidy
has changed: build/tidy/clean and .ci/tidy-clean hold a hash over all of these for each. So other rules or another clang-tidy
mean all sources, and merging two records, line by line, is always right.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = "clang-tidy-14"
BUILD = TOP / "build/tidy"
RECORD = TOP / ".ci/tidy-clean"
FOUND_HERE = BUILD / "clean"
# Tests do without the checks about speed and length, and those that follow each path through a function.
FOR_TESTS = ("-bugprone-dangling-handle,-bugprone-implicit-widening-of-multiplication-result,-bugprone-use-after-move,"
             "-performance-*,-readability-function-size")
DEEP = "clang-analyzer-*,-clang-analyzer-optin.cplusplus.VirtualCall"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
FINDING = re.compile(r": (error|warning|note): ")


class Keys:
    """What a source's result depends on, as one hash."""

    def __init__(self):
        lines = subprocess.run([TOOL, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()
        version = "\n".join(line for line in lines if "Host CPU" not in line)
        self.rules = version + (TOP / ".clang-tidy").read_text(encoding="utf-8") + FOR_TESTS
        self.files = {}  # path -> (hash of its bytes, the files of ours that it includes)

    def look(self, path):
        if path not in self.files:
            data = path.read_bytes()
            found = []
            for name in INCLUDE.findall(data):
                for folder in (path.parent, TOP / "src", TOP):
                    if (folder / os.fsdecode(name)).is_file():
                        found.append((folder / os.fsdecode(name)).resolve())
                        break
            self.files[path] = (hashlib.sha256(data).hexdigest(), found)
        return self.files[path]

    def of(self, source, commands):
        reached, todo = set(), [source]
        while todo:
            path = todo.pop()
            if path not in reached:
                reached.add(path)
                todo += self.look(path)[1]
        text = [self.rules, *commands] + [f"{path.relative_to(TOP)} {self.look(path)[0]}" for path in sorted(reached)]
        return hashlib.sha256("\n".join(text).encode()).hexdigest()[:16]


def sources():
    """Source -> its compile commands, without the place of this checkout, optimization and debug information."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text(encoding="utf-8")):
        command = re.sub(r" -[Og]\S*", "", entry["command"].replace(f"{TOP}/", ""))
        found.setdefault(pathlib.Path(entry["file"]).resolve(), []).append(command)
    return dict(sorted(found.items()))


def keys_in(path):
    """The lines "source key" of a record."""
    return set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()


def look_at(source, more):
    for_tests = source.name.endswith("_test.cc") or "tests" in source.relative_to(TOP).parts
    checks = ",".join(filter(None, [FOR_TESTS if for_tests else "", more]))
    command = [TOOL, "-p", BUILD, "--quiet", *([f"--checks={checks}"] if checks else []), source]
    # stderr only counts what was suppressed in other people's headers.
    ran = subprocess.run(command, capture_output=True, text=True, cwd=TOP, check=False)
    return ran.returncode == 0, ran.stdout if ran.stdout or ran.returncode == 0 else ran.stderr


def show(output, shown):
    """A finding in a header of ours comes from each source that includes it, and is shown once."""
    showing = False
    for line in output.splitlines():
        if FINDING.search(line):
            showing = line not in shown
            shown.add(line)
        if showing:
            print(line, flush=True)


def chosen(args, known, lines):
    if args.files:
        files = [pathlib.Path(file).resolve() for file in args.files]
        for file in files:
            if file not in lines:
                raise SystemExit(f"script/tidy: {file} is no source of the preset 'tidy'; headers are looked at through a .cc file")
        return files
    return [source for source, line in lines.items() if args.all or args.deep or line not in known]


def main():
    parser = argparse.ArgumentParser(prog="script/tidy")
    for flag in ("--all", "--deep", "--record"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    keys, commands = Keys(), sources()
    lines = {source: f"{source.relative_to(TOP)} {keys.of(source, commands[source])}" for source in commands}
    here = keys_in(FOUND_HERE)
    files = chosen(args, keys_in(RECORD) | here, lines)
    jobs = int(os.environ.get("VLAQ_JOBS", 0)) or len(os.sched_getaffinity(0))
    begin, clean, shown = time.monotonic(), True, set()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for source, (ok, output) in zip(files, pool.map(lambda file: look_at(file, DEEP if args.deep else ""), files)):
            show(output, shown)
            clean = clean and ok
            if ok:
                here.add(lines[source])
                with open(FOUND_HERE, "a", encoding="utf-8") as record:  # at once: a run that is stopped loses nothing
                    record.write(lines[source] + "\n")
    FOUND_HERE.write_text("\n".join(sorted(here & set(lines.values()))) + "\n", encoding="utf-8")
    print(f"clang-tidy: {len(files)} of {len(commands)} files in {time.monotonic() - begin:.0f} s: {'clean' if clean else 'findings above'}")
    if args.record and clean and not args.files:
        RECORD.write_text("\n".join(lines.values()) + "\n", encoding="utf-8")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
