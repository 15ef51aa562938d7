#!/usr/bin/env python3
"""Times the program next to `cp` on about 2.2 GB of bfloat16 in 201 tensors (the shapes of TinyLlama-1.1B).

usage: bench.py [--program FILE] [--folder DIR] [--runs N] [--small] [--keep] [--python VENV]

Scenarios: `cp` of the file, a plan that renames every tensor, a plan that scales every tensor in place. Page cache
warm; before each run the target is removed and `sync` waited for; the scenarios take turns in random order, so that a
slow minute of the disk hits all of them. Printed are the median and the least of N runs (5), the median of the ratios to the `cp` of
the same turn, the ratio of the least times, and the peak resident memory. A limit is held when either ratio is below
it: a virtual machine that gets free memory back from its host at random makes single runs several times slower, `cp`
among them, and then only the least times compare. Then `--version` and `check` of the rename plan, medians of 20. The
limits are those of the project's performance targets; the exit status is 1 when one is missed. --python VENV also
times the Python program VENV/bin/brainsurgery. Needs 3 times the size in DIR (default: a temporary folder); nothing
but the standard library.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LAYERS, HIDDEN, KEY_VALUE, INNER, VOCABULARY = 22, 2048, 256, 5632, 32000
LIMITS = {"rename": 0.7, "scale": 0.9}
MEMORY_LIMIT_MB = 64
START_LIMITS_MS = {"--version": 20.0, "check": 50.0}

RENAME = """inputs: [{source}]
transforms:
  - move: {{from: 'model\\.layers\\.(\\d+)\\.(.+)', to: 'blocks.\\1.\\2'}}
  - move: {{from: 'model\\.(embed_tokens|norm)\\.weight', to: '\\1'}}
  - move: {{from: 'lm_head\\.weight', to: 'head'}}
output: {target}
"""
SCALE = """inputs: [{source}]
transforms:
  - scale_: {{target: '.+', by: 0.5}}
output: {target}
"""


def shapes(layers):
    named = {"model.embed_tokens.weight": [VOCABULARY, HIDDEN], "lm_head.weight": [VOCABULARY, HIDDEN],
             "model.norm.weight": [HIDDEN]}
    for i in range(layers):
        part = "model.layers.%d." % i
        named[part + "input_layernorm.weight"] = named[part + "post_attention_layernorm.weight"] = [HIDDEN]
        named[part + "self_attn.q_proj.weight"] = named[part + "self_attn.o_proj.weight"] = [HIDDEN, HIDDEN]
        named[part + "self_attn.k_proj.weight"] = named[part + "self_attn.v_proj.weight"] = [KEY_VALUE, HIDDEN]
        named[part + "mlp.gate_proj.weight"] = named[part + "mlp.up_proj.weight"] = [INNER, HIDDEN]
        named[part + "mlp.down_proj.weight"] = [HIDDEN, INNER]
    return dict(sorted(named.items()))


def make_model(path, layers):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes(layers).items():
        size = 2
        for length in shape:
            size *= length
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    # Random signs and fractions with an exponent near that of real weights, so that nothing overflows or is special.
    block = bytearray(os.urandom(1 << 22))
    block[1::2] = bytes(0x3C | (byte & 0x83) for byte in block[1::2])
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        while offset > 0:
            file.write(block[:offset])
            offset -= len(block)
    return len(header) - 1, os.path.getsize(path)


def run(command):
    """Seconds, peak resident MB. The system counts what this script holds when it starts the child as the child's."""
    start = time.perf_counter()
    with open(os.devnull, "wb") as null:
        process = subprocess.Popen(command, stdout=null, stderr=subprocess.PIPE)
        message = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit("%s failed with %d:\n%s" % (" ".join(command), process.returncode, message.decode(errors="replace")))
    return seconds, usage.ru_maxrss / 1024


def timed(command, target, source):
    if os.path.exists(target):
        os.remove(target)
    subprocess.run(["cat", source], stdout=subprocess.DEVNULL, check=True)  # keep the source warm
    subprocess.run(["sync"], check=True)
    result = run(command)
    if not os.path.exists(target):
        sys.exit("%s wrote nothing" % " ".join(command))
    return result


def take_turns(scenarios, target, source, runs):
    results = {name: [] for name in scenarios}
    for command in scenarios.values():  # once unmeasured
        timed(command, target, source)
    for _ in range(runs):
        turn = list(scenarios.items())
        random.shuffle(turn)  # what one leaves behind in memory helps or hurts the next
        for name, command in turn:
            results[name].append(timed(command, target, source))
    return results


def report(results):
    good = True
    copies = [seconds for seconds, _ in results["cp"]]
    print("%-16s %9s %9s %9s %9s %9s  %s" % ("", "median s", "least s", "of cp", "least", "peak MB", "limits"))
    for name, runs in results.items():
        seconds, memory = [s for s, _ in runs], max(m for _, m in runs)
        ratio = statistics.median(s / c for s, c in zip(seconds, copies))
        least_ratio = min(seconds) / min(copies)
        verdict = ""
        if name in LIMITS:
            held = min(ratio, least_ratio) <= LIMITS[name] and memory < MEMORY_LIMIT_MB
            good = good and held
            verdict = "%.1f of cp, %d MB: %s" % (LIMITS[name], MEMORY_LIMIT_MB, "held" if held else "MISSED")
        figures = (name, statistics.median(seconds), min(seconds), ratio, least_ratio, memory, verdict)
        print("%-16s %9.3f %9.3f %9.2f %9.2f %9.1f  %s" % figures)
    return good


def report_start(commands):
    good = True
    for name, command in commands.items():
        run(command)
        milliseconds = statistics.median(run(command)[0] * 1000 for _ in range(20))
        held = milliseconds <= START_LIMITS_MS[name]
        good = good and held
        print("%-16s %9.1f ms, median of 20, limit %.0f ms: %s" % (name, milliseconds, START_LIMITS_MS[name],
                                                                    "held" if held else "MISSED"))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(HERE, "..", "..", "build", "brainsurgery"))
    parser.add_argument("--folder", help="where to put the files; default: a new temporary folder")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="two layers instead of 22, to try the script itself")
    parser.add_argument("--keep", action="store_true", help="leave the files; a model that is there is used again")
    parser.add_argument("--python", metavar="VENV")
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    folder = os.path.abspath(options.folder) if options.folder else tempfile.mkdtemp(prefix="brainsurgery-bench-")
    os.makedirs(folder, exist_ok=True)
    source, target = os.path.join(folder, "model.safetensors"), os.path.join(folder, "out.safetensors")
    plans = {name: os.path.join(folder, name + ".yaml") for name in ("rename", "scale")}
    try:
        count, size = make_model(source, 2 if options.small else LAYERS)
        for name, text in (("rename", RENAME), ("scale", SCALE)):
            with open(plans[name], "w", encoding="utf-8") as file:
                file.write(text.format(source=source, target=target))
        print("%d tensors, %.2f GB of bfloat16, %d cores" % (count, size / 1e9, len(os.sched_getaffinity(0))))
        scenarios = {"cp": ["cp", source, target]}
        for name, plan in plans.items():
            scenarios[name] = [program, "run", plan, "--no-sync"]
        if options.python:
            for name, plan in plans.items():
                scenarios["Python " + name] = [os.path.join(options.python, "bin", "brainsurgery"), "cli", plan]
        good = report(take_turns(scenarios, target, source, options.runs))
        starts = {"--version": [program, "--version"], "check": [program, "check", plans["rename"]]}
        good = report_start(starts) and good
    finally:
        if not options.keep:
            for path in [source, target, *plans.values()]:
                if os.path.exists(path):
                    os.remove(path)
            if not options.folder:
                shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
