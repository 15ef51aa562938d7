#!/usr/bin/env python3
"""The recipes do what a script with PyTorch does: names, dtypes, shapes, elements, config.json.

usage: check_recipes.py PROGRAM [RECIPE...]

Each job makes small checkpoints with the names of published models, runs a plan by the program, and computes the result once
more. Moved and copied elements must be equal, bit for bit; where a job says so they lie within a few units of the last place.
"""
import glob
import json
import os
import subprocess
import sys

import torch
from safetensors import safe_open

import peers
import recipe_arithmetic
import recipe_conversions
import recipe_layouts
import recipe_models
import recipe_sizes

PLANS = os.path.join(peers.ROOT, "plans", "recipes")


class Job:
    """What a plan is run with, and what has to come of it."""

    def __init__(self, plan, arguments, tensors=None, config=None, close=False, status=0, says=None, out="out",
                 metadata=None):
        self.plan, self.arguments, self.tensors, self.config = plan, arguments, tensors, config
        self.close, self.status, self.says, self.out, self.metadata = close, status, says, out, metadata


def read(folder):
    """The tensors below a path, of a directory those that its index names, and the metadata of the last file."""
    if folder.endswith(".pth"):
        return torch.load(folder), {}
    if os.path.isfile(folder):
        files = [folder]
    else:
        with open(os.path.join(folder, "model.safetensors.index.json"), encoding="utf-8") as file:
            index = json.load(file)["weight_map"]
        files = [os.path.join(folder, name) for name in sorted(set(index.values()))]
    tensors, metadata = {}, {}
    for path in files:
        with safe_open(path, "pt") as file:
            tensors.update({name: file.get_tensor(name) for name in file.keys()})
            metadata = file.metadata()
    if not os.path.isfile(folder) and set(tensors) != set(index):
        raise ValueError("the index and the files disagree")
    return tensors, metadata


def difference(got, wanted, close):
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return "%s %s, expected %s %s" % (got.dtype, list(got.shape), wanted.dtype, list(wanted.shape))
    if isinstance(wanted, recipe_models.Random):
        return wanted.problem(got)
    if not close or not wanted.is_floating_point():
        return None if peers.raw(got) == peers.raw(wanted) else "elements differ"
    try:
        unit = torch.finfo(got.dtype).eps
        torch.testing.assert_close(got, wanted, rtol=2 * unit, atol=2e-7)
    except AssertionError as error:
        return str(error)
    return None


def compare(job, folder):
    """None, or what is wrong with the output."""
    got, metadata = read(os.path.join(folder, job.out))
    missing, extra = sorted(set(job.tensors) - set(got)), sorted(set(got) - set(job.tensors))
    if missing or extra:
        return "missing: %s; extra: %s" % (missing[:5], extra[:5])
    for name, wanted in job.tensors.items():
        problem = difference(got[name], wanted, job.close)
        if problem is not None:
            return "%s: %s" % (name, problem)
    if job.metadata not in (None, metadata):
        return "metadata: %s, expected %s" % (metadata, job.metadata)
    if job.config is None:
        return None
    with open(os.path.join(folder, job.out, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    if config != job.config:
        keys = [key for key in {**config, **job.config} if config.get(key) != job.config.get(key)]
        return "config.json: %s" % ["%s: %r, expected %r" % (key, config.get(key), job.config.get(key)) for key in keys]
    if not os.path.exists(os.path.join(folder, job.out, "tokenizer.json")):
        return "tokenizer.json was not carried"
    return None


def run(program, job, folder):
    command = [program, "run", "--no-summarize", "recipe:" + job.plan]
    for name, value in job.arguments.items():
        command += ["-p", "%s=%s" % (name, value)]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120)
    text = done.stdout.decode(errors="replace")
    if done.returncode != job.status:
        return "exit status %d: %s" % (done.returncode, text)
    if job.says is not None and job.says not in text:
        return "'%s' is not in: %s" % (job.says, text)
    return None if job.tensors is None else compare(job, folder)


def main():
    program = peers.program_from_arguments()
    chosen = [os.path.splitext(os.path.basename(plan))[0] for plan in sys.argv[2:]]
    tally = peers.Tally()
    torch.manual_seed(0)
    tried = set()
    for make in [*recipe_layouts.JOBS, *recipe_sizes.JOBS, *recipe_arithmetic.JOBS, *recipe_conversions.JOBS]:
        with peers.scratch() as folder:
            before = os.getcwd()
            os.chdir(folder)
            try:
                jobs = list(make(Job))
            finally:
                os.chdir(before)
            for job in jobs:
                tried.add(job.plan)
                if not chosen or job.plan in chosen:
                    tally.check(job.plan, run(program, job, folder))
    if not chosen:
        plans = {os.path.splitext(os.path.basename(path))[0] for path in glob.glob(os.path.join(PLANS, "*.yaml"))}
        tally.check("every plan has a job", None if plans == tried else sorted(plans ^ tried))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
