#!/usr/bin/env python3
"""Does what a page of the documentation says, and compares what is printed.

usage: walkthrough.py PROGRAM PAGE.md [--accept]

Blocks ```yaml NAME are files, written where they stand. In blocks ```console a line `$ COMMAND` is run by a shell, in a
new folder beside which the folder plans/ of the project lies; the lines below it are what it prints, messages first. A
line `...` stands for any lines. With --accept the page gets what was printed, where it has no `...`.
"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks(lines):
    """Tuples of the info string, the first line behind the fence and the line of the closing one."""
    start = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start, info = number, line[3:].strip()
        else:
            yield info, start + 1, number
            start = None


def commands(lines):
    """Tuples of a command and what it should print."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def matches(printed, wanted):
    if not wanted:
        return not printed
    if wanted[0] == "...":
        return any(matches(printed[i:], wanted[1:]) for i in range(len(printed) + 1))
    return bool(printed) and printed[0] == wanted[0] and matches(printed[1:], wanted[1:])


def run(command, folder, program):
    path = os.path.join(folder, "bin")
    os.makedirs(path, exist_ok=True)
    if not os.path.exists(os.path.join(path, "brainsurgery")):
        os.symlink(os.path.abspath(program), os.path.join(path, "brainsurgery"))
        os.symlink(os.path.join(ROOT, "plans"), os.path.join(folder, "plans"))
    work = os.path.join(folder, "work")
    os.makedirs(work, exist_ok=True)
    environment = dict(os.environ, PATH=path + os.pathsep + os.environ["PATH"])
    done = subprocess.run(["sh", "-c", command], cwd=work, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    return (done.stderr + done.stdout).splitlines()


def main():
    program, page = sys.argv[1:3]
    accept = "--accept" in sys.argv
    lines = open(page, encoding="utf-8").read().splitlines()
    result, copied, failures, count = [], 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="brainsurgery-") as folder:
        os.makedirs(os.path.join(folder, "work"))
        for info, first, end in blocks(lines):
            kind, _, name = info.partition(" ")
            if kind == "yaml" and name:
                with open(os.path.join(folder, "work", name), "w", encoding="utf-8") as file:
                    file.write("\n".join(lines[first:end]) + "\n")
            if kind != "console":
                continue
            result += lines[copied:first]
            for command, wanted in commands(lines[first:end]):
                count += 1
                printed = run(command, folder, program)
                if not matches(printed, wanted) and not accept:
                    failures += 1
                    print("%s: $ %s\n--- printed\n%s\n--- expected\n%s" % (page, command, "\n".join(printed), "\n".join(wanted)))
                result += ["$ " + command] + (wanted if "..." in wanted else printed)
            copied = end
    if accept:
        with open(page, "w", encoding="utf-8") as file:
            file.write("\n".join(result + lines[copied:]) + "\n")
    print("%d commands, %d failures" % (count, failures))
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main())
