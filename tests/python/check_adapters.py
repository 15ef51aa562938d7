#!/usr/bin/env python3
"""Adapters merged, extracted and combined give what PEFT recorded, and what PyTorch computes from the papers' formulas.

usage: check_adapters.py PROGRAM

tests/merging/golden holds adapters of PEFT and mergekit with what those programs made of them; of an expected model only the
tensors that differ from the base are kept, the others must be the base's, bit for bit.
"""
import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file

import adapter_kinds
import peers

GOLDEN = os.path.join(peers.ROOT, "tests", "merging", "golden")


def far(name, got, wanted, atol, rtol):
    """None, or how far the tensors lie apart."""
    if got.shape != wanted.shape:
        return "%s has the shape %s, not %s" % (name, list(got.shape), list(wanted.shape))
    if got.dtype != wanted.dtype:
        return "%s is %s, not %s" % (name, got.dtype, wanted.dtype)
    distance = (got.double() - wanted.double()).abs()
    beyond = distance - (atol + rtol * wanted.double().abs())
    if not bool((beyond <= 0).all()):
        return "%s lies %g apart" % (name, distance.max().item())
    return None


def first_problem(problems):
    return next((problem for problem in problems if problem is not None), None)


def compare_model(path, base, expected, tolerance):
    got = load_file(path)
    if got.keys() != base.keys() | expected.keys():
        return "other tensors: %s" % sorted(got.keys() ^ (base.keys() | expected.keys()))
    return first_problem(
        far(name, tensor, expected[name], tolerance["atol"], tolerance["rtol"]) if name in expected
        else None if torch.equal(tensor, base[name]) else "%s changed" % name
        for name, tensor in got.items())


def merge_golden(program, folder, case):
    root = os.path.join(GOLDEN, case["case"])
    plan = ("inputs: ['base::%s', 'lora::%s']\n"
            "transforms:\n  - lora_merge: {model: base, adapters: [lora], on_loss: ignore}\n"
            "output: {path: out.safetensors, model: base}\n") % (
                os.path.join(GOLDEN, case["base"]), os.path.join(root, case["adapters"][0]))
    problem = peers.run_plan(program, plan, folder)
    if problem:
        return problem
    return compare_model(os.path.join(folder, "out.safetensors"),
                         load_file(os.path.join(GOLDEN, case["base"], "model.safetensors")),
                         load_file(os.path.join(root, "expected.safetensors")), case["tolerance"])


def check_goldens(program, tally):
    with open(os.path.join(GOLDEN, "adapters.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        with peers.scratch() as folder:
            if "weighted" not in case and "model" not in case:
                tally.check(case["case"], merge_golden(program, folder, case))


def run_kind(program, folder, kind):
    save_file(kind.base, os.path.join(folder, "base.safetensors"))
    inputs, entries = ["base::base.safetensors"], []
    for i, adapter in enumerate(kind.adapters):
        path = os.path.join(folder, "adapter%d" % i)
        os.makedirs(path)
        save_file({name: tensor.clone().contiguous() for name, tensor in adapter.tensors.items()},
                  os.path.join(path, "adapter_model.safetensors"))
        if adapter.config is not None:
            with open(os.path.join(path, "adapter_config.json"), "w", encoding="utf-8") as file:
                json.dump(adapter.config, file)
        inputs.append("a%d::adapter%d" % (i, i))
        entries.append("{of: a%d, weight: %r%s}" % (i, adapter.weight, adapter.keys))
    plan = ("inputs: [%s]\ntransforms:\n  - lora_merge: {model: base, adapters: [%s], on_loss: ignore}\n"
            "output: {path: out.safetensors, model: base}\n") % (", ".join(map(repr, inputs)), ", ".join(entries))
    problem = peers.run_plan(program, plan, folder)
    if problem:
        return problem
    got = load_file(os.path.join(folder, "out.safetensors"))
    if got.keys() != kind.expected.keys():
        return "other tensors: %s" % sorted(got.keys() ^ kind.expected.keys())
    steps = {torch.float64: 1e-12, torch.float32: 3e-6, torch.bfloat16: 2 ** -7, torch.float16: 2 ** -10}
    return first_problem(far(name, tensor, kind.expected[name], steps[tensor.dtype], steps[tensor.dtype])
                         for name, tensor in got.items())


def check_kinds(program, tally):
    for kind in adapter_kinds.kinds():
        with peers.scratch() as folder:
            tally.check(kind.name, run_kind(program, folder, kind))


def main():
    program = peers.program_from_arguments()
    tally = peers.Tally()
    check_goldens(program, tally)
    check_kinds(program, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
