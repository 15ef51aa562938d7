#!/usr/bin/env python3
"""Counts the instructions of the first pass over a model of 9,000 tensors and holds them against a recorded number.

usage: instructions.py [--accept] PROGRAM

Makes a checkpoint of 6 shards with an index (headers and holes, no data) and a plan of 230 steps for it: moves of
layers by prefix, moves by a regular expression, steps of one tensor each, assertions over all names, a sharded output.
`valgrind --tool=callgrind` runs `check` on it and counts what happens inside of PlanRun::bind: reading the plan,
opening the headers, binding and laying the output out, but neither the start of the program nor its end. Time depends
on the machine and on what else it does; this number does not: symbols are bound at the start, and the C library is
told to use the string functions that every processor has. It depends on the compiler and its options, so it is recorded
for what .ci/run builds (g++ of Debian 12, Release).

The exit status is 1 where the number is more than 5 % above the one in instructions.txt, 2 where it cannot be taken.
--accept records the new number; say in the commit what made it change.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "instructions.txt")
TOLERANCE = 0.05
COUNTED = "brainsurgery::PlanRun::bind(brainsurgery::PlanSource const&)"
LAYERS, EXPERTS, SHARDS = 30, 99, 6
# The largest vectors that string functions of glibc 2.36 may use are those of SSE2.
PLAIN_STRINGS = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-BMI1,-BMI2,-SSE4_1,-SSE4_2,-SSSE3,-ERMS,-FSRM,-MOVBE"


def names():
    for layer in range(LAYERS):
        yield f"model.layers.{layer}.input_layernorm.weight"
        yield f"model.layers.{layer}.self_attn.q_proj.weight"
        yield f"model.layers.{layer}.mlp.gate.weight"
        for expert in range(EXPERTS):
            for part in ("down", "gate", "up"):
                yield f"model.layers.{layer}.mlp.experts.{expert}.{part}_proj.weight"


def write_shard(path, tensors):
    entries, at = {"__metadata__": {"format": "pt"}}, 0
    for name in tensors:
        entries[name] = {"dtype": "BF16", "shape": [8, 4], "data_offsets": [at, at + 64]}
        at += 64
    header = json.dumps(entries, separators=(",", ":")).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + at)


def write_model(folder):
    os.mkdir(folder)
    everything, weight_map = list(names()), {}
    for number in range(SHARDS):
        shard = f"model-{number + 1:05}-of-{SHARDS:05}.safetensors"
        mine = everything[number * len(everything) // SHARDS : (number + 1) * len(everything) // SHARDS]
        write_shard(os.path.join(folder, shard), mine)
        weight_map.update(dict.fromkeys(mine, shard))
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": 64 * len(everything)}, "weight_map": weight_map}, file, indent=2)
    return everything


def write_plan(path, tensors):
    steps = [rf"move: {{from: 'm::model\.layers\.{i}\.(.*)', to: 'm::blocks.{i}.\1'}}" for i in range(10)]
    steps += [rf"move: {{from: 'm::model\.layers\.{i}\.mlp\.experts\.(\d+)\.(\w+)_proj\.weight',"
              rf" to: 'm::model.layers.{i}.mlp.\2.\1'}}" for i in range(10, 16)]
    for i, name in enumerate(tensors[-210:]):
        step = ("scale_: {target: 'm::%s', by: 2}", "copy: {from: 'm::%s', to: 'm::copies.%d'}")[i % 2]
        steps.append(step % ((re.escape(name),) if i % 2 == 0 else (re.escape(name), i)))
    steps.append(f"assert: {{count: {{of: 'm::.*', is: {len(tensors) + 105}}}}}")
    steps.append(r"assert: {dtype: {of: 'm::.*layernorm\.weight', is: bfloat16}}")
    steps.append(r"assert: {shape: {of: 'm::(model|blocks)\.\S+\.(\d+)\.\w+\.weight', is: [8, 4]}}")
    with open(path, "w") as file:
        file.write("inputs: ['m::model']\ntransforms:\n" + "".join(f"  - {step}\n" for step in steps))
        file.write("output: {path: out, shard: 100KB}\n")


def count(program):
    with tempfile.TemporaryDirectory() as folder:
        write_plan(os.path.join(folder, "plan.yaml"), write_model(os.path.join(folder, "model")))
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=counts", f"--toggle-collect={COUNTED}",
             os.path.abspath(program), "check", "plan.yaml"],
            cwd=folder, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "LD_BIND_NOW": "1", "GLIBC_TUNABLES": PLAIN_STRINGS})
        if run.returncode != 0:
            sys.exit(fail(f"check ended with exit code {run.returncode}:\n{run.stdout}{run.stderr}"))
        with open(os.path.join(folder, "counts")) as file:
            total = re.search(r"^(?:totals|summary): (\d+)", file.read(), re.MULTILINE)
    if total is None or int(total[1]) == 0:
        sys.exit(fail(f"nothing was counted: has the program symbols, and does it have {COUNTED}?"))
    return int(total[1])


def fail(message):
    print(f"instructions: {message}", file=sys.stderr)
    return 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--accept", action="store_true")
    arguments = parser.parse_args()
    try:
        counted = count(arguments.program)
    except FileNotFoundError as error:
        return fail(f"{error.filename} is not there; install valgrind")
    if arguments.accept:
        with open(RECORD, "w") as file:
            file.write(f"{counted}\n")
        print(f"instructions: recorded {counted:,}")
        return 0
    with open(RECORD) as file:
        recorded = int(file.read())
    change = counted / recorded - 1
    print(f"instructions: {counted:,}, recorded are {recorded:,}: {change:+.1%}")
    if change > TOLERANCE:
        print(f"instructions: more than {TOLERANCE:.0%} above what is recorded; make it less, or record it with "
              f"--accept and say why", file=sys.stderr)
        return 1
    if change < -TOLERANCE:
        print("instructions: better than recorded; record it with --accept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
