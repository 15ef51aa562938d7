#!/usr/bin/env python3
"""Every method of the step `merge` over random models of several dtypes gives what its formula gives in float64.

usage: check_merge_methods.py PROGRAM [SEED]

Random choices must be those of the documented generator, element by element.
"""
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import merge_methods as methods
import peers

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]
SHAPES = {"blocks.0.wide.weight": (7, 33), "blocks.1.tall.weight": (40, 6), "norm.weight": (19,), "conv.weight": (4, 3, 5)}
# Elements of a tensor that may lie on the other side of a threshold, or whose weighted sum is 0 but for rounding.
AT_THRESHOLDS = {"arcee_fusion": 2, "ties": 1, "dare_ties": 1, "della": 1, "breadcrumbs_ties": 1}


def random_models(generator, dtype):
    base, tuned = {}, [{}, {}, {}]
    for name, shape in SHAPES.items():
        base[name] = torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        for model in tuned:
            change = 0.05 * torch.randn(shape, generator=generator, dtype=torch.float64)
            change[torch.rand(shape, generator=generator) < 0.2] = 0
            model[name] = (base[name].double() + change).to(dtype)
    return base, tuned


def cases():
    """Payloads of the step, and the merged tensor of the base's and the models', all float64."""
    w, d = [0.6, 0.3, 0.8], [0.5, 0.7, 0.4]
    yield "linear", "", "weight", 0, lambda b, x, n: methods.linear(x, w)
    yield "linear", "normalize: false", "weight", 0, lambda b, x, n: methods.linear(x, w, False)
    yield "task_arithmetic", "lambda: 0.9", "weight", 3, lambda b, x, n: methods.task_arithmetic(b, x, w, lam=0.9)
    yield "task_arithmetic", "normalize: true", "weight", 3, lambda b, x, n: methods.task_arithmetic(b, x, w, normalize=True)
    for rescale in ("none", "l1", "density"):
        yield "ties", "rescale: %s" % rescale, "weight density", 3, lambda b, x, n, r=rescale: methods.ties(b, x, w, d, r, normalize=True)
        yield "breadcrumbs", "gamma: 0.1, rescale: %s" % rescale, "weight density", 3, (
            lambda b, x, n, r=rescale: methods.breadcrumbs(b, x, w, d, 0.1, r))
        yield "dare_linear", "seed: 5, rescale: %s" % rescale, "weight density", 3, (
            lambda b, x, n, r=rescale: methods.dare(b, x, w, d, 5, n, r))
        yield "della_linear", "seed: 5, epsilon: 0.1, rescale: %s" % rescale, "weight density", 3, (
            lambda b, x, n, r=rescale: methods.della(b, x, w, d, 0.1, 5, n, r))
    yield "ties", "normalize: false, lambda: 1.3", "weight density", 3, lambda b, x, n: methods.ties(b, x, w, d, lam=1.3)
    yield "breadcrumbs_ties", "gamma: 0.05", "weight density", 3, lambda b, x, n: methods.breadcrumbs(b, x, w, d, 0.05, elect=True)
    yield "dare_ties", "seed: 9, normalize: true", "weight density", 3, (
        lambda b, x, n: methods.dare(b, x, w, d, 9, n, elect=True, normalize=True))
    yield "della", "seed: 9, epsilon: 0.2", "weight density", 3, (
        lambda b, x, n: methods.della(b, x, w, d, 0.2, 9, n, elect=True, normalize=True))
    yield "slerp", "t: 0.3", "", 1, lambda b, x, n: methods.slerp(b, x[0], 0.3)
    for text, axis in (("", None), ("flatten: false", -1), ("flatten: false, row_wise: true", 0)):
        yield "nuslerp", text, "weight", 2, lambda b, x, n, a=axis: methods.nuslerp(*x, w[:2], b, a)
        yield "nuslerp", text, "weight", -2, lambda b, x, n, a=axis: methods.nuslerp(*x, w[:2], None, a)
    yield "multislerp", "", "weight", 3, lambda b, x, n: methods.multislerp(x, w, b)
    yield "multislerp", "", "weight", -3, lambda b, x, n: methods.multislerp(x, w)
    yield "karcher", "", "", 0, lambda b, x, n: methods.karcher(x)
    yield "model_stock", "", "", 3, lambda b, x, n: methods.model_stock(b, x)
    yield "model_stock", "filter_wise: true", "", 2, lambda b, x, n: methods.model_stock(b, x, True)
    yield "nearswap", "t: 0.02", "", 1, lambda b, x, n: methods.nearswap(b, x[0], 0.02)
    yield "arcee_fusion", "", "", 1, lambda b, x, n: methods.arcee_fusion(b, x[0])
    yield "ram", "epsilon: 0.01", "", 3, lambda b, x, n: methods.ram(b, x, 0.01)
    yield "ramplus_tl", "epsilon: 0.01, r: 0.2, alpha: 0.5", "", 3, lambda b, x, n: methods.ram(b, x, 0.01, 0.2, 0.5)
    yield "sce", "", "", 3, lambda b, x, n: methods.sce(b, x)
    yield "sce", "select_topk: 0.4", "", 3, lambda b, x, n: methods.sce(b, x, 0.4)
    yield "consensus", "tall: 0.6", "weight", 3, lambda b, x, n: methods.consensus(b, x, w, 0.6, 2)
    yield "fisher", "", "weight", 0, lambda b, x, n: methods.fisher(x, w, [np.abs(b), np.abs(x[0]), np.abs(x[2])])
    yield "iso_c", "lambda: 0.8", "weight", 3, lambda b, x, n: methods.iso_c(b, x, w, 0.8)
    yield "tsv_m", "lambda: 0.8", "weight", 3, lambda b, x, n: methods.tsv_m(b, x, w, 0.8)
    yield "passthrough", "scale: 0.7", "", -1, lambda b, x, n: 0.7 * x[0]


def payload(method, options, per_model, count):
    """The step; `count`: of models, negative: without a base; 0: the three of them, of a method that knows no base."""
    with_base = count > 0
    values = {"weight": [0.6, 0.3, 0.8], "density": [0.5, 0.7, 0.4]}
    entries = []
    for i in range(abs(count) or 3):
        name = "m%d::(.*)" % i if i == 0 and not with_base else "m%d::\\1" % i
        beside = ", statistics: 's%d::\\1'" % i if method == "fisher" else ""
        entries.append("{of: '%s'%s%s}" % (name, beside, "".join(", %s: %g" % (key, values[key][i]) for key in per_model.split())))
    base = "base: 'base::(.*)', " if with_base else ""
    return "{method: %s, %smodels: [%s], to: 'out::\\1'%s}" % (method, base, ", ".join(entries), ", " + options if options else "")


def tolerance_of(dtype, expected):
    """Of float32 arithmetic in a few steps, and of one rounding to the dtype."""
    computing = 2e-13 if dtype == torch.float64 else 3e-6
    return computing * max(1.0, float(np.abs(expected).max())), 0 if dtype == torch.float64 else torch.finfo(dtype).eps


def problem_of(method, got, expected, dtype):
    if got.dtype != dtype:
        return "the result is %s" % got.dtype
    atol, rtol = tolerance_of(dtype, expected)
    wrong = int((~np.isclose(got.double().numpy(), expected, rtol=rtol, atol=atol)).sum())
    if wrong <= AT_THRESHOLDS.get(method, 0):
        return None
    return "%d of %d elements differ, by %g at most" % (wrong, expected.size, np.abs(got.double().numpy() - expected).max())


def check(tally, program, folder, dtype, generator):
    base, tuned = random_models(generator, dtype)
    save_file(base, os.path.join(folder, "base.safetensors"))
    for i, model in enumerate(tuned):
        save_file(model, os.path.join(folder, "m%d.safetensors" % i))
    for i, model in enumerate((base, tuned[0], tuned[2])):
        save_file({name: tensor.abs() for name, tensor in model.items()}, os.path.join(folder, "s%d.safetensors" % i))
    inputs = "inputs: [%s]\n" % ", ".join("%s::%s.safetensors" % (name, name) for name in ("base", "m0", "m1", "m2", "s0", "s1", "s2"))
    for method, options, per_model, count, formula in cases():
        title = "%s {%s} of %d, %s" % (method, options, count, dtype)
        step = payload(method, options, per_model, count)
        problem = peers.run_plan(program, inputs + "transforms: [{merge: %s}]\noutput: {path: out.safetensors, model: out}\n" % step, folder)
        if problem:
            tally.check(title, problem)
            continue
        out = load_file(os.path.join(folder, "out.safetensors"))
        for name in SHAPES:
            models = [model[name].double().numpy() for model in tuned[:abs(count) or 3]]
            expected = formula(base[name].double().numpy(), models, name)
            tally.check("%s: %s" % (title, name), problem_of(method, out[name], expected, dtype))


def main():
    program = peers.program_from_arguments()
    generator = torch.Generator().manual_seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    tally = peers.Tally()
    with peers.scratch() as folder:
        for dtype in DTYPES:
            check(tally, program, folder, dtype, generator)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
