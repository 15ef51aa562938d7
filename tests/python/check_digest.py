#!/usr/bin/env python3
"""Digests as docs/digests.md defines them, computed by its Python.

usage: check_digest.py PROGRAM

The script in the page gives the digest of files that safetensors and PyTorch write: every dtype, odd shapes, tensors of
several chunks, views that are not packed, names of any characters.
"""
import os
import subprocess
import sys

import torch
from safetensors.torch import save_file

import peers

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8, torch.int16, torch.int32,
          torch.int64, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2]
SHAPES = [(), (1,), (0,), (5,), (3, 7), (2, 0, 3), (2, 3, 5)]
NAMES = ["a", "", "model.layers.0.weight", "größe", "line\nbreak", "nul\0byte", "\U0001f9e0", "a b", "a.b", "a_b", "A"]


def documented():
    """The functions of the page."""
    text = open(os.path.join(peers.ROOT, "docs", "digests.md"), encoding="utf-8").read()
    space = {"__name__": "documented"}
    exec(text.split("```python\n")[1].split("```")[0], space)
    return space


def state_dicts():
    generator = torch.Generator().manual_seed(0)
    for dtype in DTYPES:
        yield str(dtype), {"t%d" % i: (torch.rand(shape, generator=generator) * 9).to(dtype)
                           for i, shape in enumerate(SHAPES)}
    yield "names", {name: torch.tensor([i]) for i, name in enumerate(NAMES)}
    yield "none", {}
    for extra in (-1, 0, 1):
        yield "chunk%+d" % extra, {"w": torch.arange((16 << 20) * 2 + extra, dtype=torch.int64).to(torch.uint8)}


def views():
    base = torch.rand(64, 96)
    return {"transposed": base.t(), "columns": base[:, 3:50], "reversed": base.flip(0), "strided": base[::3, ::5],
            "shared": base[2:4], "same": base}


def digest(program, path):
    done = subprocess.run([program, "digest", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.split("  ")[0] if done.returncode == 0 else done.stdout


def compare(got, wanted):
    return None if got == wanted else "%s, expected %s" % (got, wanted)


def main():
    program = peers.program_from_arguments()
    tally = peers.Tally()
    of_file = documented()["digest"]
    with peers.scratch() as folder:
        path, pickled = os.path.join(folder, "m.safetensors"), os.path.join(folder, "m.pt")
        for label, tensors in state_dicts():
            save_file(tensors, path)
            tally.check("safetensors, " + label, compare(digest(program, path), of_file(path)))
            torch.save(tensors, pickled)
            tally.check("PyTorch, " + label, compare(digest(program, pickled), of_file(path)))
        shown = views()
        save_file({name: view.contiguous().clone() for name, view in shown.items()}, path)
        torch.save(shown, pickled)
        tally.check("views", compare(digest(program, pickled), of_file(path)))
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
