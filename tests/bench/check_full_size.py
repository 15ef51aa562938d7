#!/usr/bin/env python3
"""How long `check` of the recipes takes on layouts of full size: DeepSeek-V3 (91,991 tensors) has 2 s.

usage: check_full_size.py [--limit SECONDS] PROGRAM [RECIPE...]

Files are headers and holes: names, dtypes and shapes of published models, no data. Prints the time of each check, the
best of three; the exit status is 1 where a recipe fails, or takes longer than the limit.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import full_size_layouts as layouts

LIMIT = 2.0
RUNS = 3


def make_layouts():
    c = layouts.llama_config()
    layouts.write("llama", layouts.llama(c), c)
    layouts.write("phi3", layouts.phi3(c), c)
    layouts.write_file("meta.safetensors", layouts.meta(c))
    mixtral = layouts.llama_config(hidden_size=6144, num_hidden_layers=56, num_attention_heads=48, num_local_experts=8,
                                   vocab_size=32768)
    layouts.write("mixtral", layouts.mixtral(mixtral), mixtral)
    quantised, plain = layouts.deepseek(True), layouts.deepseek(False)
    if len(quantised) != 91991:
        raise SystemExit("DeepSeek-V3 has 91991 tensors, not %d" % len(quantised))
    layouts.write("deepseek", quantised, layouts.DEEPSEEK)
    config = {key: value for key, value in layouts.DEEPSEEK.items() if key != "quantization_config"}
    layouts.write("deepseek-bf16", plain, config)
    layouts.write("deepseek-packed", layouts.packed(plain), config)


def jobs():
    """Recipe, layout, further parameters."""
    out = {"out": "out"}
    for model in ("deepseek", "llama"):
        for recipe in ("to-bf16", "reshard", "int8-rows", "remove-direction", "resize-vocabulary"):
            more = {"shard": "4GB"} if recipe == "reshard" else {}
            if recipe == "remove-direction":
                layouts.write_file("%s-direction.safetensors" % model, [("r", "F32", [7168 if model == "deepseek" else 8192])])
                more = {"direction": "%s-direction.safetensors" % model}
            yield recipe, model, {"model": model, **out, **more}
        yield "scan", model, {"model": model}
        yield "compare", model, {"left": model, "right": model}
        yield "record", model, {"model": model, "source": "org/name", "revision": "1", **out}
        yield "drop-layers", model, {"model": model, "first": 20, "last": 29, "layers": 62 if model == "deepseek" else 80, **out}
        yield "soup", model, {"models": "[%s, %s]" % (model, model), **out}
        yield "task-arithmetic", model, {"base": model, "first": model, "second": model, "weights": "[0.5, 0.3]", **out}
        yield "merge-by-depth", model, {"a": model, "b": model, "weights": "[0.2, 0.4]", **out}
        yield "apply-delta", model, {"base": model, "delta": model, **out}
    yield "fp8-to-bf16", "deepseek", {"model": "deepseek", **out}
    yield "moe-to-packed", "deepseek-bf16", {"model": "deepseek-bf16", **out}
    yield "moe-from-packed", "deepseek-packed", {"model": "deepseek-packed", **out}
    yield "experts-to-packed", "mixtral", {"model": "mixtral", **out}
    yield "llama-hf-to-meta", "llama", {"model": "llama", "out": "out.pth"}
    yield "llama-meta-to-hf", "llama", {"model": "meta.safetensors", "heads": 64, "kv_heads": 8, **out}
    yield "split-fused", "phi3", {"model": "phi3", **out}
    yield "fuse", "llama", {"model": "llama", **out}
    yield "fold-norms", "llama", {"model": "llama", **out}
    yield "deepen", "llama", {"model": "llama", "order": "${[0..59, 20..79]}", **out}
    yield "upcycle", "llama", {"model": "llama", "experts": 8, **out}


def seconds(program, recipe, parameters):
    """The best of several, and what was said where it failed."""
    command = [program, "check", "recipe:" + recipe]
    for name, value in parameters.items():
        command += ["-p", "%s=%s" % (name, value)]
    best = float("inf")
    for _ in range(RUNS):
        begin = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        best = min(best, time.perf_counter() - begin)
        if done.returncode != 0:
            return best, done.stdout.decode(errors="replace")
    return best, None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--limit", type=float, default=LIMIT)
    arguments.add_argument("program")
    arguments.add_argument("recipes", nargs="*")
    given = arguments.parse_args()
    program = os.path.abspath(given.program)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_layouts()
        for recipe, model, parameters in jobs():
            if given.recipes and recipe not in given.recipes:
                continue
            taken, problem = seconds(program, recipe, parameters)
            verdict = "failed" if problem else "too slow" if taken > given.limit else ""
            bad += verdict != ""
            print("%-20s %-16s %6.2f s  %s" % (recipe, model, taken, verdict), flush=True)
            if problem:
                print(problem[:2000])
        os.chdir("/")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
