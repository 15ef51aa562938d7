#!/usr/bin/env python3
"""Formulas of `compute` give what the same formulas of PyTorch give.

usage: check_compute.py PROGRAM

Each formula is done for tensors of several dtypes, computed by PyTorch in the dtype that the language says, and rounded once.
Elementwise results and integers must be equal, bit for bit but for NaN; products and reductions within a few units of the last place.
"""
import os
import sys

import torch
from safetensors.torch import load_file, save_file

import peers

FLOATS = [torch.float32, torch.bfloat16, torch.float16, torch.float64]

# The formula, what it is in PyTorch, and whether the last bits may differ. x, y [6, 8], v [8], u [6]; i, j integers.
FORMULAS = [
    ("x + 0.4 * (y - x)", lambda t: t.x + 0.4 * (t.y - t.x), False),
    ("0.3 * x + (1 - 0.3) * y", lambda t: 0.3 * t.x + (1 - t.number(0.3)) * t.y, False),
    ("x * v", lambda t: t.x * t.v, False),
    ("x / (abs(v) + 1e-3)", lambda t: t.x / (t.v.abs() + 1e-3), False),
    ("-x ** 2 + x ** 1 * y ** 0", lambda t: -(t.x ** 2) + t.x * torch.ones_like(t.y), False),
    ("x if abs(x) >= 0.5 else 0", lambda t: torch.where(t.x.abs() >= 0.5, t.x, 0.0), False),
    ("where(x > y and not x < 0, x, y * 2)",
     lambda t: torch.where((t.x > t.y) & ~(t.x < 0), t.x, t.y * 2), False),
    ("x * (x > v)", lambda t: t.x * (t.x > t.v), False),
    ("clamp(round(x * 7), -3, 3)", lambda t: torch.clamp(torch.round(t.x * 7), -3, 3), False),
    ("sign(x) * sqrt(abs(x))", lambda t: torch.sign(t.x) * torch.sqrt(t.x.abs()), True),  # with MKL, sqrt is off
    ("max(x, min(y, 0.25))", lambda t: torch.maximum(t.x, torch.minimum(t.y, t.number(0.25))), False),
    ("rsqrt(x * x + 1) + reciprocal(y)", lambda t: torch.rsqrt(t.x * t.x + 1) + torch.reciprocal(t.y), False),
    ("floor(x) - ceil(y)", lambda t: torch.floor(t.x) - torch.ceil(t.y), False),
    ("x // 0.75 + x % 0.75", lambda t: torch.floor_divide(t.x, 0.75) + torch.remainder(t.x, 0.75), False),
    ("x[1:5:2, ...].T", lambda t: t.x[1:5:2].mT, False),
    ("concat([x, reshape(v, [1, 8])], dim=0) * 2", lambda t: torch.cat([t.x, t.v.reshape(1, 8)]) * 2, False),
    ("stack([v, v[0:8] - 1], dim=1)", lambda t: torch.stack([t.v, t.v - 1], dim=1), False),
    ("permute(reshape(x, [2, 3, 8]), [2, 0, 1]) + 1", lambda t: t.x.reshape(2, 3, 8).permute(2, 0, 1) + 1, False),
    ("x - outer(u, v)", lambda t: t.x - torch.outer(t.u, t.v), False),
    ("x - outer(u, u @ x)", lambda t: t.x - torch.outer(t.u, t.u @ t.x), True),
    ("x * rsqrt(mean(x * x, dim=-1, keepdim=true) + 1e-6)",
     lambda t: t.x * torch.rsqrt((t.x * t.x).mean(-1, keepdim=True) + 1e-6), True),
    ("x / norm(x, p=1, dim=0)", lambda t: t.x / t.x.norm(1, dim=0), True),
    ("(x - mean(x)) / std(x)", lambda t: (t.x - t.x.mean()) / t.x.std(), True),
    ("x - max(x, dim=[0, 1])", lambda t: t.x - t.x.amax(dim=(0, 1)), False),
    ("sum(x > 0, dim=1) + argmin(v)", lambda t: ((t.x > 0).sum(dim=1) + t.v.argmin()).to(t.dtype), False),
    ("x if any(x > 1, dim=1, keepdim=true) else dot(u, u)",
     lambda t: torch.where((t.x > 1).any(dim=1, keepdim=True), t.x, torch.dot(t.u, t.u)), True),
    ("abs(x) ** 0.5 + exp(x) * log(1 + y * y)",
     lambda t: t.x.abs() ** 0.5 + torch.exp(t.x) * torch.log(1 + t.y * t.y), True),
    ("x + 0.5 * (y @ x.T @ x)", lambda t: t.x + 0.5 * (t.y @ t.x.T @ t.x), True),
]
# Results of one step, by names that `let` gives to their formulas.
SEVERAL = [
    ("s", "float32(max(abs(x), dim=1, keepdim=true) / 127)",
     lambda t: (t.x.abs().amax(dim=1, keepdim=True) / 127).to(torch.float32)),
    ("q", "int8(clamp(round(x / s), -127, 127))",
     lambda t: torch.clamp(torch.round(t.x / SEVERAL[0][2](t)), -127, 127).to(torch.int8)),
    ("e", "x - q * s", lambda t: t.x - SEVERAL[1][2](t).to(t.dtype) * SEVERAL[0][2](t).to(t.dtype)),
]
INTEGERS = [
    ("x * 3 - y", lambda i, j: i * 3 - j),
    ("x ** 3 + 1", lambda i, j: i ** 3 + 1),
    ("x // 7 * 7 + x % 7 == x", lambda i, j: i == i),
    ("x // 3 - y % 5", lambda i, j: torch.floor_divide(i, 3) - torch.remainder(j, 5)),
    ("max(x, y) if x != y else -1", lambda i, j: torch.where(i != j, torch.maximum(i, j), -1)),
    ("sum(x) - min(y)", lambda i, j: i.sum() - j.min()),
    ("bit_and(x, 15)", lambda i, j: i & 15),
    ("shift_right(x, 2) + bit_xor(x, y)", lambda i, j: (i >> 2) + (i ^ j)),
]
INTEGER_DTYPES = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]


class Operands:
    """The tensors in the dtype of the computation."""

    def __init__(self, tensors, dtype):
        for name, tensor in tensors.items():
            setattr(self, name, tensor.to(dtype))
        self.dtype = dtype

    def number(self, value):
        return torch.tensor(value, dtype=self.dtype)


def difference(got, wanted, loose):
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return "%s %s, expected %s %s" % (got.dtype, list(got.shape), wanted.dtype, list(wanted.shape))
    if loose:
        torch.testing.assert_close(got, wanted)  # raises
        return None
    same = (got == wanted) | (got.isnan() & wanted.isnan())
    return None if same.all() else "%d elements differ, as %s and %s" % (
        (~same).sum(), got[~same][0].item(), wanted[~same][0].item())


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


def check(program, folder, tally, tensors, steps):
    """`steps`: (title, text of the step, expected tensor, whether the last bits may differ); each makes `r.NUMBER`. The
    text is empty where the step before it makes that too."""
    save_file(tensors, os.path.join(folder, "in.safetensors"))
    lines = ["inputs: [in.safetensors]", "transforms:"] + ["  - compute: " + step[1] for step in steps if step[1]]
    problem = peers.run_plan(program, "\n".join(lines + ["output: out.safetensors"]) + "\n", folder)
    if problem is not None:
        tally.check("the plan", problem)
        return
    results = load_file(os.path.join(folder, "out.safetensors"))
    for number, (title, _, wanted, loose) in enumerate(steps):
        try:
            tally.check(title, difference(results["r.%d" % number], wanted.contiguous(), loose))
        except AssertionError as error:
            tally.check(title, str(error))


def floating_steps(tensors, dtype):
    computing = torch.float64 if dtype == torch.float64 else torch.float32
    operands = Operands(tensors, computing)
    for number, (formula, of, loose) in enumerate(FORMULAS):
        step = "{match: x, let: {y: y, v: v, u: u}, as: '%s', to: r.%d}" % (formula, number)
        yield "%s of %s" % (formula, name_of(dtype)), step, of(operands).to(dtype), loose


def several_steps(tensors, dtype):
    operands = Operands(tensors, torch.float64 if dtype == torch.float64 else torch.float32)
    let = ", ".join("%s: '= %s'" % (name, formula) for name, formula, _ in SEVERAL)
    to = ", ".join("%s: r.%d" % (name, number) for number, (name, _, _) in enumerate(SEVERAL))
    step = "{match: x, let: {%s}, to: {%s}}" % (let, to)
    for name, formula, of in SEVERAL:
        wanted = of(operands)
        yield "%s = %s of %s" % (name, formula, name_of(dtype)), step, wanted.to(dtype) if name == "e" else wanted, False
        step = ""


def integer_steps(tensors, dtype):
    i, j = tensors["i"].to(torch.int64), tensors["j"].to(torch.int64)
    for number, (formula, of) in enumerate(INTEGERS):
        wanted = of(i, j)
        step = "{match: i, let: {y: j}, as: '%s', to: r.%d}" % (formula, number)
        yield "%s of %s" % (formula, name_of(dtype)), step, wanted.to(torch.bool if wanted.dtype == torch.bool else dtype), False


def main():
    program = peers.program_from_arguments()
    torch.manual_seed(5)
    tally = peers.Tally()
    with peers.scratch() as folder:
        for dtype in FLOATS:
            shapes = {"x": (6, 8), "y": (6, 8), "v": (8,), "u": (6,)}
            tensors = {name: torch.randn(shape, dtype=torch.float64).to(dtype) for name, shape in shapes.items()}
            check(program, folder, tally, tensors, list(floating_steps(tensors, dtype)))
            check(program, folder, tally, tensors, list(several_steps(tensors, dtype)))
        for dtype in INTEGER_DTYPES:
            low = 0 if dtype == torch.uint8 else -100
            tensors = {name: torch.randint(low, 100, (40,)).to(dtype) for name in "ij"}
            check(program, folder, tally, tensors, list(integer_steps(tensors, dtype)))
    sys.exit(tally.finish())


main()
