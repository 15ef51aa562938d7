#!/usr/bin/env python3
"""Steps that resize, rearrange, project, add and fold tensors give what PyTorch gives.

usage: check_shapes.py PROGRAM

Rearranged, copied, cut, nearest and added elements must be equal, bit for bit; interpolated and projected ones lie within a few units
of the last place of the dtype.
"""
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import interpolate

import peers

FLOATS = [torch.float32, torch.bfloat16, torch.float16, torch.float64]
TORCH_MODES = {(1, "linear"): "linear", (2, "linear"): "bilinear", (3, "linear"): "trilinear", (2, "bicubic"): "bicubic"}


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


def computing(dtype):
    return torch.float64 if dtype == torch.float64 else torch.float32


def resized(tensor, size, mode, **options):
    """`tensor` [N, C, ...] as PyTorch interpolates it in the dtype of the computation, rounded once."""
    wide = tensor.to(computing(tensor.dtype))
    return interpolate(wide, size=size, mode=TORCH_MODES.get((len(size), mode), mode), **options).to(tensor.dtype)


def grid_resized(positions, grid, size, prefix, mode):
    kept, cells = positions[:, :prefix], positions[:, prefix:]
    image = cells.reshape(1, *grid, -1).permute(0, 3, 1, 2)
    return torch.cat([kept, resized(image, size, mode).permute(0, 2, 3, 1).reshape(1, size[0] * size[1], -1)], dim=1)


def interpolations(t):
    for dims, shape in (("line", (2, 3, 7)), ("image", (2, 3, 7, 5)), ("volume", (1, 2, 4, 3, 5))):
        tensor, n = t(dims, shape), len(shape) - 2
        for size in ((4,), (19,), (1,), (14,)) if n == 1 else ((9, 11), (3, 2), (14, 5), (1, 8)) if n == 2 else ((7, 2, 9),):
            words = ", ".join(map(str, size))
            yield dims, "interpolate_", "size: [%s], mode: nearest" % words, resized(tensor, size, "nearest"), True
            for mode in ("linear", "bicubic"):
                if (n, mode) not in TORCH_MODES:
                    continue
                for corners in (False, True):
                    yield (dims, "interpolate_",
                           "size: [%s], mode: %s, align_corners: %s" % (words, mode, str(corners).lower()),
                           resized(tensor, size, mode, align_corners=corners), False)
    image = t("image", (2, 3, 7, 5))
    yield "image", "interpolate_", "size: 8, dims: -2", resized(image, (8, 5), "linear"), False
    yield "image", "interpolate_", "size: 6, dims: [2, 3], mode: nearest", resized(image, (6, 6), "nearest"), True
    yield ("image", "interpolate_", "size: [6, 4], dims: [-1, 0]",
           resized(image.permute(1, 2, 3, 0), (6, 4), "linear").permute(3, 0, 1, 2), False)
    positions = t("positions", (1, 1 + 4 * 6, 8))
    for mode in ("nearest", "linear", "bicubic"):
        yield ("positions", "interpolate_", "grid: [4, 6], prefix: 1, size: [7, 5], mode: %s" % mode,
               grid_resized(positions, (4, 6), (7, 5), 1, mode), mode == "nearest")


def normalised(vector):
    return vector / vector.norm()


def projections(t):
    for name, shape in (("matrix", (6, 9)), ("experts", (3, 6, 9))):
        tensor, rows, columns = t(name, shape), t("rows", (6,)), t("columns", (9,))
        wide = tensor.to(computing(tensor.dtype))
        r, c = normalised(rows.to(wide.dtype)), normalised(columns.to(wide.dtype))
        yield (name, "project_out_", "direction: rows, side: out",
               (wide - r.unsqueeze(1) * (r @ wide).unsqueeze(-2)).to(tensor.dtype), False)
        yield (name, "project_out_", "direction: columns, side: in",
               (wide - (wide @ c).unsqueeze(-1) * c).to(tensor.dtype), False)


def other_sizes(t):
    matrix = t("matrix", (6, 9))
    wide = matrix.double()
    mean = wide.mean(0, keepdim=True).to(matrix.dtype)
    same_sums = matrix.dtype != torch.float64  # else the order of adding shows
    yield "matrix", "resize_", "multiple_of: 8, init: mean", torch.cat([matrix, mean, mean]), same_sums
    yield ("matrix", "resize_", "dim: 1, size: 10, init: mean",
           torch.cat([matrix, wide.mean(1, keepdim=True).to(matrix.dtype)], dim=1), same_sums)
    yield "matrix", "resize_", "size: 15, init: copy", torch.cat([matrix, matrix, matrix[:3]]), True
    yield "matrix", "resize_", "dim: -1, size: 11", torch.cat([matrix, torch.zeros(6, 2, dtype=matrix.dtype)], dim=1), True
    yield "matrix", "resize_", "size: 2, shrink: true", matrix[:2], True
    yield ("experts", "rearrange_", "pattern: 'e (two h) d -> e (h two) d', sizes: {two: 2}",
           t("experts", (3, 6, 9)).reshape(3, 2, 3, 9).transpose(1, 2).reshape(3, 6, 9), True)
    yield ("experts", "rearrange_", "pattern: 'e h d -> (e h g) d', sizes: {g: 2}",
           t("experts", (3, 6, 9)).reshape(18, 9).repeat_interleave(2, dim=0), True)


def difference(got, wanted, exact):
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return "%s %s, expected %s %s" % (got.dtype, list(got.shape), wanted.dtype, list(wanted.shape))
    if exact:
        return None if torch.equal(got, wanted) else "elements differ"
    try:
        unit = torch.finfo(got.dtype).eps
        torch.testing.assert_close(got, wanted, rtol=4 * unit, atol=4 * max(unit, torch.finfo(computing(got.dtype)).eps))
    except AssertionError as error:
        return str(error)
    return None


def check(program, folder, tally, dtype):
    tensors = {}

    def tensor(name, shape):
        if name not in tensors:
            tensors[name] = torch.randn(shape, dtype=torch.float64).to(dtype)
        return tensors[name]

    steps = [*interpolations(tensor), *projections(tensor), *other_sizes(tensor)]
    save_file(tensors, os.path.join(folder, "in.safetensors"))
    lines = ["inputs: [in.safetensors]", "transforms:"]
    for number, (name, step, options, _, _) in enumerate(steps):
        lines += ["  - copy: {from: %s, to: r.%d}" % (name, number),
                  "  - %s: {target: r.%d, %s}" % (step, number, options)]
    problem = peers.run_plan(program, "\n".join(lines + ["output: out.safetensors"]) + "\n", folder)
    if problem is not None:
        tally.check("the plan of %s" % name_of(dtype), problem)
        return
    results = load_file(os.path.join(folder, "out.safetensors"))
    for number, (name, step, options, wanted, exact) in enumerate(steps):
        tally.check("%s of %s %s, %s" % (step, name_of(dtype), name, options),
                    difference(results["r.%d" % number], wanted.contiguous(), exact))


def draws(program, folder, tally):
    """New rows have the width that was asked for, or that of the elements, and no row is like another."""
    tensors = {"w": 3 * torch.randn(64, 64) + 5}
    save_file(tensors, os.path.join(folder, "in.safetensors"))
    plan = """inputs: [in.safetensors]
transforms:
  - copy: {from: w, to: given}
  - resize_: {target: w, size: 1064, init: normal}
  - resize_: {target: given, size: 1064, init: normal, std: 0.02, seed: 4}
output: out.safetensors
"""
    problem = peers.run_plan(program, plan, folder)
    if problem is None:
        results = load_file(os.path.join(folder, "out.safetensors"))
        for name, std in (("w", tensors["w"].std(correction=0).item()), ("given", 0.02)):
            new = results[name][64:]
            if abs(new.std().item() / std - 1) > 0.02 or abs(new.mean().item()) > 0.02 * std:
                problem = "%s has mean %g and deviation %g, not 0 and %g" % (name, new.mean(), new.std(), std)
            if len(new.unique()) < 0.9 * new.numel():
                problem = "%s repeats itself" % name
    tally.check("draws of resize_", problem)


def sums(program, folder, tally, dtype):
    """linear: products and sums in the dtype of the computation, from left to right."""
    models = [{name: torch.randn(5, 7, dtype=torch.float64).to(dtype) for name in "xy"} for _ in range(3)]
    for alias, tensors in zip("abc", models):
        save_file(tensors, os.path.join(folder, alias + ".safetensors"))
    plan = """inputs: [a::a.safetensors, b::b.safetensors, c::c.safetensors]
transforms:
  - linear: {terms: [{of: 'a::(.*)', weight: 0.5}, {of: 'b::\\1', weight: 0.3}, {of: 'c::\\1', weight: -0.7}], to: 'a::\\1'}
output: {path: out.safetensors, model: a}
"""
    problem = peers.run_plan(program, plan, folder)
    for name in "xy" if problem is None else "":
        a, b, c = (tensors[name].to(computing(dtype)) for tensors in models)
        wanted = a * 0.5 + b * 0.3 + c * -0.7
        problem = problem or difference(load_file(os.path.join(folder, "out.safetensors"))[name], wanted.to(dtype), True)
    tally.check("linear of %s" % name_of(dtype), problem)


def folds(program, folder, tally):
    """fold: a norm and the layers behind it make what they made before."""
    x, size = torch.randn(9, 6, dtype=torch.float64), (6,)
    tensors = {name: torch.randn(shape, dtype=torch.float64)
               for name, shape in (("g", size), ("b", size), ("w", (4, 6)), ("wb", (4,)), ("c", (6, 5)), ("cb", (5,)))}
    save_file(tensors, os.path.join(folder, "in.safetensors"))

    def outputs(t, offset):
        normed = torch.nn.functional.layer_norm(x, size) * (t["g"] + offset) + t["b"]
        return torch.cat([normed @ t["w"].T + t["wb"], normed @ t["c"] + t["cb"]], dim=1)

    for offset in (0, 1):
        plan = """inputs: [in.safetensors]
transforms:
  - fold: {norm: g, into: [w, c_t], bias: b, biases: [wb, cb], offset: %d}
output: out.safetensors
""" % offset
        plan = plan.replace("transforms:", "transforms:\n  - permute: {from: c, to: c_t, order: [1, 0]}")
        problem = peers.run_plan(program, plan, folder)
        if problem is None:
            results = load_file(os.path.join(folder, "out.safetensors"))
            results["c"] = results["c_t"].T
            got, wanted = outputs(results, offset), outputs(tensors, offset)
            problem = None if torch.allclose(got, wanted, rtol=1e-12, atol=1e-12) else "the outputs differ"
            if not torch.equal(results["g"] + offset, torch.ones(size)) or results["b"].any():
                problem = "the norm still scales or shifts"
        tally.check("fold with offset %d" % offset, problem)


def main():
    program = peers.program_from_arguments()
    torch.manual_seed(11)
    tally = peers.Tally()
    with peers.scratch() as folder:
        for dtype in FLOATS:
            check(program, folder, tally, dtype)
            sums(program, folder, tally, dtype)
        draws(program, folder, tally)
        folds(program, folder, tally)
    sys.exit(tally.finish())


main()
