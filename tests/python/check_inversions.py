#!/usr/bin/env python3
"""What `brainsurgery invert` prints takes back what the recipe did: every tensor has its bytes again.

usage: check_inversions.py PROGRAM
"""
import os
import shutil
import subprocess
import sys

import torch

import peers
import recipe_models as models
from check_recipes import read


class RoundTrip:
    """A recipe, the checkpoint that it is for, and the names that it takes away for good."""

    def __init__(self, recipe, model, arguments=None, gone=(), between="between", back="back"):
        self.recipe, self.model, self.arguments = recipe, model, arguments or {}
        self.gone, self.between, self.back = gone, between, back


def meta():
    config = models.config()
    models.write("model", models.meta(config))
    return RoundTrip("llama-meta-to-hf", "model", {"heads": 4, "kv_heads": 2}, gone=["rope.freqs"])


def hf():
    config = models.config()
    models.write("model", models.llama(config), config)
    os.makedirs("between")
    shutil.copy("model/config.json", "between")
    return RoundTrip("llama-hf-to-meta", "model", between="between/consolidated.00.pth")


def gpt2():
    models.write("model", models.gpt2())
    return RoundTrip("gpt2-to-linear", "model", gone=["h.%d.attn.bias" % i for i in range(3)])


def experts():
    config = models.config(num_local_experts=12)
    models.write("model", models.mixtral(config), config)
    return RoundTrip("experts-to-packed", "model")


def fused():
    config = models.config()
    models.write("model", models.phi3(config), config)
    return RoundTrip("split-fused", "model")


def apart():
    config = models.config()
    models.write("model", models.llama(config), config)
    return RoundTrip("fuse", "model")


def run(program, plan, arguments):
    command = [program, "run", "--no-summarize", plan]
    for name, value in arguments.items():
        command += ["-p", "%s=%s" % (name, value)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    return None if done.returncode == 0 else done.stdout.decode(errors="replace")


def check(program, trip):
    problem = run(program, "recipe:" + trip.recipe, {**trip.arguments, "model": trip.model, "out": trip.between})
    if problem is not None:
        return problem
    plan = subprocess.run([program, "invert", "recipe:" + trip.recipe], stdout=subprocess.PIPE, check=True).stdout
    with open("back.yaml", "wb") as file:
        file.write(plan)
    problem = run(program, "back.yaml", {**trip.arguments, "model": trip.between, "out": trip.back})
    if problem is not None:
        return problem
    before, after, between = read_any(trip.model), read_any(trip.back), read_any(trip.between)
    for name in trip.gone:
        del before[name]
    if set(between) == set(before) and all(peers.raw(between[name]) == peers.raw(before[name]) for name in before):
        return "the recipe changed nothing"
    if set(before) != set(after):
        return "names differ: %s" % sorted(set(before) ^ set(after))[:5]
    for name, tensor in before.items():
        if tensor.dtype != after[name].dtype or tensor.shape != after[name].shape or peers.raw(tensor) != peers.raw(after[name]):
            return "%s differs" % name
    return None


def read_any(path):
    single = os.path.join(path, "model.safetensors")
    return read(single if os.path.exists(single) else path)[0]


def main():
    program = peers.program_from_arguments()
    tally = peers.Tally()
    torch.manual_seed(0)
    for make in (meta, hf, gpt2, experts, fused, apart):
        with peers.scratch() as folder:
            before = os.getcwd()
            os.chdir(folder)
            try:
                trip = make()
                tally.check(trip.recipe, check(program, trip))
            finally:
                os.chdir(before)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
