#!/usr/bin/env python3
"""Runs the commands that a document shows in its code blocks ("$ vlaq ...") and puts their output there again.

    transcripts.py --vlaq PROGRAM --work DIR [--check] DOCUMENT

Commands run in DIR, which holds the files they name. A line "..." stands for lines that the document leaves out: what follows
it is found again by its first line with words. --check changes nothing and exits with 5 if the document says anything else.
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys

DIFFERS = 5
GAP = "..."


def ran(vlaq, work, command):
    """Output and, as the shell shows them, errors; the exit code."""
    done = subprocess.run([vlaq, *shlex.split(command)[1:]], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.rstrip("\n").split("\n"), done.returncode


def chunks(lines):
    parts = [[]]
    for line in lines:
        if line == GAP:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def shortened(shown, output):
    """`output` with the gaps that `shown` has: as many lines before each gap, and the last part whole."""
    parts = chunks(shown)
    if len(parts) == 1:
        return output
    lines = output[:len(parts[0])]
    for part in parts[1:-1]:
        lines += [GAP, *after(output, part)]
    last = parts[-1]
    return [*lines, GAP, *(after(output, last) if last else [])]


def after(output, part):
    blanks = next((i for i, line in enumerate(part) if line), 0)
    if part[blanks] not in output:
        sys.exit(f"transcripts: the output has no line '{part[blanks]}', with which the document goes on after a gap")
    start = output.index(part[blanks]) - blanks
    return output[start:start + len(part)]


def renew(block, vlaq, work):
    """A code block: commands of ours followed by their output; `echo $?` shows the last one's exit code."""
    pieces = re.split(r"(?m)^(\$ .*)$", block)
    text, code = pieces[0], 0
    for command, shown in zip(pieces[1::2], pieces[2::2]):
        if command == "$ echo $?":
            output = [str(code)]
        else:
            output, code = ran(vlaq, work, command[2:])
        text += command + "\n" + "\n".join(shortened(shown.strip("\n").split("\n"), output)) + "\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vlaq", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("document", type=pathlib.Path)
    args = parser.parse_args()
    vlaq = args.vlaq.resolve()
    before = args.document.read_text()
    after_ = re.sub(r"(?ms)^```\n(\$ vlaq .*?)^```$", lambda match: f"```\n{renew(match[1], vlaq, args.work)}```", before)
    if args.check:
        return 0 if after_ == before else DIFFERS
    args.document.write_text(after_)
    return 0


if __name__ == "__main__":
    sys.exit(main())
