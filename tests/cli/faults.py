#!/usr/bin/env python3
"""kill -9 at every call of a publication into a directory, and what the next runs make of it.

usage: faults.py PROGRAM INJECTOR [STEP]      (every STEP-th call, 1 for all; 5)

After every kill each way to name the directory gives the old checkpoint or the new one as a whole, or says that the
publication was interrupted, and changes nothing. Each way to finish it gives old or new, also when it is killed itself.
What arrived since is never removed or replaced.
"""
import glob
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

PROGRAM, INJECTOR = map(os.path.abspath, sys.argv[1:3])
STEP = int(sys.argv[3]) if len(sys.argv) > 3 else 5
JOURNAL = "out/.brainsurgery-journal"
SCALE = "transforms: [{scale_: {target: '.*', by: 2}}"
OUT = "{path: out, shard: 8kb}"
failures = 0


def fail(what, process=None):
    global failures
    failures += 1
    print("FAILED:", what)
    if process is not None:
        print(process.stderr)


def call(*words, environment=None):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **(environment or {})})


def run(plan, environment=None):
    with open("plan.yaml", "w", encoding="utf-8") as file:
        file.write(plan + "\n")
    return call("run", "plan.yaml", "--no-summarize", "--no-sync", environment=environment)


def injected(number, begin=None):
    words = {"LD_PRELOAD": INJECTOR, "FAULT_CALL": str(number)}
    return {**words, "FAULT_FROM": begin} if begin else words


def write_checkpoint(path, base):
    header, data = {}, b""
    for i in range(12):
        header[f"t{i:02}"] = {"dtype": "F32", "shape": [1000], "data_offsets": [len(data), len(data) + 4000]}
        data += struct.pack("<f", base * (i + 1)) * 1000
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    """The first value of every tensor in a file."""
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    header.pop("__metadata__", None)
    begins = {name: 8 + size + entry["data_offsets"][0] for name, entry in header.items()}
    return {name: struct.unpack("<f", content[begin:begin + 4])[0] for name, begin in begins.items()}


def factor(values):
    """By what the checkpoint was multiplied; None for anything between."""
    factors = {value / (int(name[1:]) + 1) for name, value in values.items()}
    return factors.pop() if len(values) == 12 and len(factors) == 1 else None


def factor_of_out():
    values = {}
    for path in glob.glob("out/*.safetensors"):
        values.update(read(path))
    return factor(values)


def snapshot():
    """Names, inodes, sizes and times of all that is there, but for the outputs of readers."""
    found = {}
    for folder, _, names in os.walk("out"):
        for name in names + [""]:
            status = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


class State:
    """A directory whose publication is killed at a call."""

    def __init__(self, name, subfolder):
        self.name, self.subfolder = name, subfolder

    def kill(self, number):
        """False: the run was over before."""
        for path in os.listdir("."):
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
        write_checkpoint("in.safetensors", 1)
        first = run(f"inputs: [in.safetensors]\noutput: {OUT}")
        if first.returncode != 0:
            fail("the first output", first)
        if self.subfolder:
            os.mkdir("out/sub")
        with open("out/config.json", "w", encoding="utf-8") as file:
            file.write("{}")
        os.symlink("out", "link")
        killed = run(f"inputs: [in.safetensors]\n{SCALE}]\noutput: {{path: out, shard: 12kb}}",
                     injected(number, ".brainsurgery-journal"))
        if killed.returncode not in (0, -signal.SIGKILL):
            fail(f"{self.name}, call {number}: exit code {killed.returncode}", killed)
        os.mkdir("links")
        for path in glob.glob("out/*.safetensors"):
            os.symlink("../" + path, "links/" + os.path.basename(path))
        return killed.returncode != 0

    def is_half(self):
        if not os.path.exists(JOURNAL):
            return False
        with open(JOURNAL, encoding="utf-8") as file:
            return "mode in-place" in file.read()


def readers():
    shards = sorted(glob.glob("out/*.safetensors"))
    for path in ("out", "out/", "./out/../out", "link", "out/*.safetensors", "link/*.safetensors", "o*/m*.safetensors"):
        yield path, lambda path=path: run(f"inputs: ['{path}']\noutput: o.safetensors")
        yield f"inspect {path}", lambda path=path: call("inspect", path)
        yield f"convert {path}", lambda path=path: call("convert", path, "o.safetensors")
        yield f"load {path}", lambda path=path: run(
            f"inputs: ['a::in.safetensors']\ntransforms: [{{load: {{path: '{path}', alias: b}}}}, "
            "{save: {alias: b, path: o.safetensors}}]")
        yield f"execute {path}", lambda path=path: run(
            f"transforms: [{{execute: {{plan: {{inputs: ['b::{path}'], output: 'b::o.safetensors'}}}}}}]")
    yield "digest", lambda: call("inspect", "--digest", "out")
    yield "json", lambda: call("inspect", "--json", "link")
    yield "diff", lambda: run("inputs: ['a::in.safetensors', 'b::out']\n"
                              "transforms: [{diff: {mode: refs, left: 'a::.*', right: 'b::.*'}}]")
    yield "check", check
    for path in shards[:1] + ["out/model.safetensors.index.json"] + sorted(glob.glob("links/*"))[:1]:
        yield path, lambda path=path: call("inspect", path)


def check():
    with open("plan.yaml", "w", encoding="utf-8") as file:
        file.write(f"inputs: [out]\n{SCALE}]\noutput: {OUT}\n")
    return call("check", "plan.yaml")


def check_readers(state, where):
    half, before = state.is_half(), snapshot()
    for name, perform in readers():
        if os.path.exists("o.safetensors"):
            os.remove("o.safetensors")
        process = perform()
        if half and (process.returncode != 3 or "was interrupted" not in process.stderr):
            fail(f"{where}: {name} reads a half published directory: {process.returncode}", process)
        if os.path.exists("o.safetensors") and factor(read("o.safetensors")) not in (1, 2):
            fail(f"{where}: {name} mixes")
        if not half and not name.startswith(("out/m", "links")) and process.returncode != 0:
            fail(f"{where}: {name} does not read a whole directory", process)
        if snapshot() != before:
            fail(f"{where}: {name} changes the directory")


# What finishes a publication, with the factors that may come out.
FINISHERS = {
    "output": (lambda: run(f"inputs: [out]\n{SCALE}]\noutput: {OUT}"), (2, 4)),
    "pattern": (lambda: run(f"inputs: ['link/*.safetensors']\n{SCALE}]\noutput: {OUT}"), (2, 4)),
    "save": (lambda: run(f"inputs: [out]\n{SCALE}, {{save: {OUT}}}]"), (2, 4)),
    "load": (lambda: run("transforms: [{load: {path: out, alias: b}}, {save: {alias: b, path: link}}]"), (1, 2)),
    "execute": (lambda: run("inputs: ['a::out']\ntransforms: [{copy: {from: t00, to: u}}, "
                            "{execute: {plan: {inputs: ['b::out'], output: 'b::out'}}}]"), (1, 2)),
    "file": (lambda: run("inputs: [out]\noutput: out/sub.npz"), (1, 2)),
    "repair": (lambda: call("repair", "out"), (1, 2)),
}


def check_finishers(state, number):
    for name, (finish, factors) in FINISHERS.items():
        state.kill(number)
        process = finish()
        where = f"{state.name}, call {number}, {name}"
        if process.returncode != 0:
            fail(where, process)
        elif factor_of_out() not in factors:
            fail(f"{where}: neither old nor new: {os.listdir('out')}")
        call("repair", "out")
        litter = [path for path in os.listdir("out") + os.listdir(".") if ".brainsurgery-" in path]
        if litter:
            fail(f"{where}: leaves {litter}")


def check_killed_repairs(state, number, step):
    for second in range(1, 1000, step):
        state.kill(number)
        process = call("repair", "out", environment=injected(second))
        again = call("repair", "out")
        if again.returncode != 0 or factor_of_out() not in (1, 2):
            fail(f"{state.name}, call {number}, repair killed at {second}: {os.listdir('out')}", again)
        if process.returncode == 0:
            return


def check_arrivals(state, number):
    """Files that are put in the place of what a kill removed, or in the way of what is to come."""
    state.kill(number)
    names = [f"model-0000{i}-of-0000{n}.safetensors" for n in (4, 6) for i in range(1, n + 1)]
    for name in names + ["model.safetensors.index.json"]:
        if not state.kill(number) or os.path.exists("out/" + name) or not state.is_half():
            continue
        shutil.copy("in.safetensors", "out/" + name)
        before = snapshot()
        for words in (("repair", "out"), ("convert", "out", "out"), ("convert", "in.safetensors", "out")):
            process = call(*words)
            if process.returncode != 3 or name not in process.stderr:
                fail(f"{state.name}, call {number}: {words} with a new {name}", process)
            if snapshot() != before and {**snapshot(), "out/": 0} != {**before, "out/": 0}:
                fail(f"{state.name}, call {number}: {words} touches files beside a new {name}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for state in (State("journal", True), State("exchange", False)):
            number, halves = 1, 0
            while state.kill(number):
                halves += state.is_half()
                check_readers(state, f"{state.name}, call {number}")
                check_finishers(state, number)
                check_killed_repairs(state, number, STEP)
                if state.subfolder and number % (3 * STEP) == 1 % (3 * STEP):
                    check_arrivals(state, number)
                number += STEP
            print(f"{state.name}: killed at every {STEP}. call up to {number}, {halves} times half published")
            if state.subfolder and halves == 0:
                fail("no kill left a half published directory")
        os.chdir("/")
    sys.exit(1 if failures else 0)


main()
