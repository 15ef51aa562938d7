#!/usr/bin/env python3
"""Adapters merged, extracted and combined give what PEFT recorded, and what PyTorch computes from the papers' formulas.

usage: check_adapters.py PROGRAM

tests/merging/golden holds adapters of PEFT and mergekit with what those programs made of them; of an expected model only the
tensors that differ from the base are kept, the others must be the base's, bit for bit.
"""
import json
import os
import subprocess
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


def adapter_products(path):
    """Of an adapter of scale 1: B A by module, and its whole tensors by name."""
    tensors = load_file(os.path.join(path, "adapter_model.safetensors"))
    with open(os.path.join(path, "adapter_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    scales = {"": config["lora_alpha"] / config["r"]}
    for module, rank in (config.get("rank_pattern") or {}).items():
        scales[module] = config.get("alpha_pattern", {}).get(module, config["lora_alpha"]) / rank
    result = {}
    for name, tensor in tensors.items():
        if ".lora_A" in name or ".lora_embedding_A" in name:
            other = tensors[name.replace("_A", "_B")]
            module = name.split(".lora_")[0]
            scale = scales.get(module.removeprefix("base_model.model."), scales[""])
            result[module] = scale * (other.double().flatten(1) @ tensor.double().flatten(1))
        elif ".lora_" not in name:
            result[name] = tensor
    return result, config


def compare_adapters(got, wanted, tolerance):
    got, wanted = adapter_products(got)[0], adapter_products(wanted)[0]
    if got.keys() != wanted.keys():
        return "other modules: %s" % sorted(got.keys() ^ wanted.keys())
    return first_problem(far(name, tensor.double(), wanted[name].double(), tolerance["atol"], tolerance["rtol"])
                         for name, tensor in got.items())


def extract_golden(program, folder, case):
    """mergekit gives each module as many directions as it needs; here those beyond are zero, and the product is the same."""
    asked = case["parameters"]
    words = ["rank: %d" % asked["max_rank"]]
    if asked.get("embed_lora"):
        words.append("embeddings: lora")
    if "sv_epsilon" in asked:
        words += ["threshold: %r" % asked["sv_epsilon"], "modules: '.*%s.*'" % asked["include_regex"][0], "others: skip"]
    plan = ("inputs: ['base::%s', 'tuned::%s']\ntransforms:\n  - lora_extract: {tuned: tuned, base: base, to: lora, %s}\n"
            "output: {path: out/, model: lora}\n") % (os.path.join(GOLDEN, case["base"]), os.path.join(GOLDEN, case["model"]),
                                                     ", ".join(words))
    problem = peers.run_plan(program, plan, folder)
    return problem or compare_adapters(os.path.join(folder, "out"), os.path.join(GOLDEN, case["case"], "expected_adapter"),
                                       case["tolerance"])


def combine_golden(program, folder, case):
    root, asked = os.path.join(GOLDEN, case["case"]), case["weighted"]
    words = ["method: %s" % asked["combination_type"]]
    words += ["density: %r" % asked["density"]] if "density" in asked else []
    words += ["rank: %d" % asked["svd_rank"]] if "svd_rank" in asked else []
    adapters = ", ".join("{of: a%d, weight: %r}" % pair for pair in enumerate(asked["weights"]))
    inputs = ", ".join("'a%d::%s'" % (i, os.path.join(root, name)) for i, name in enumerate(case["adapters"]))
    plan = ("inputs: ['base::%s', %s]\ntransforms:\n  - lora_combine: {adapters: [%s], to: both, %s}\n"
            "  - save: {path: both/, alias: both}\n  - lora_merge: {model: base, adapters: [both], on_loss: ignore}\n"
            "output: {path: out.safetensors, model: base}\n") % (os.path.join(GOLDEN, case["base"]), inputs, adapters,
                                                                ", ".join(words))
    problem = peers.run_plan(program, plan, folder)
    if problem:
        return problem
    base = load_file(os.path.join(GOLDEN, case["base"], "model.safetensors"))
    expected = load_file(os.path.join(root, "expected.safetensors"))
    return (compare_adapters(os.path.join(folder, "both"), os.path.join(root, "expected_adapter"), case["tolerance"]) or
            compare_model(os.path.join(folder, "out.safetensors"), base, expected, case["tolerance"]))


def check_goldens(program, tally):
    with open(os.path.join(GOLDEN, "adapters.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        with peers.scratch() as folder:
            check = combine_golden if "weighted" in case else extract_golden if "model" in case else merge_golden
            tally.check(case["case"], check(program, folder, case))


def run_kind(program, folder, kind):
    save_file(kind.base, os.path.join(folder, "base.safetensors"))
    inputs, entries = ["base::base.safetensors"], []
    for i, adapter in enumerate(kind.adapters):
        path = os.path.join(folder, "adapter%d" % i)
        os.makedirs(path)
        save_file({name: tensor.clone().contiguous() for name, tensor in adapter.tensors.items()},
                  os.path.join(path, "adapter_model.safetensors"), metadata=adapter.metadata)
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


def counts_along(program, folder):
    """None if the weights that do not move are counted while they are written, without another pass."""
    kind = next(kind for kind in adapter_kinds.large_kinds())
    problem = run_kind(program, folder, kind)
    if problem:
        return problem
    with open(os.path.join(folder, "plan.yaml"), encoding="utf-8") as file:
        plan = file.read().replace("on_loss: ignore", "on_loss: warn")
    with open(os.path.join(folder, "counting.yaml"), "w", encoding="utf-8") as file:
        file.write(plan)
    said = subprocess.run([program, "check", "counting.yaml"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=True, timeout=600).stdout.decode()
    return "the model is read again:\n" + said if "read for reports" in said else None


def check_kinds(program, tally):
    for kind in adapter_kinds.kinds():
        with peers.scratch() as folder:
            tally.check(kind.name, run_kind(program, folder, kind))
    with peers.scratch() as folder:
        tally.check("weights that do not move are counted along", counts_along(program, folder))


def low_rank(matrix, rank=None, keep=None):
    """The best approximation by the first directions, as many as `keep` says of the singular values."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    count = min(rank or len(s), keep(s) if keep else len(s))
    return u[:, :count] @ torch.diag(s[:count]) @ v[:count]


def enough(share):
    def count(s):
        before = torch.cumsum(s.square(), 0) - s.square()
        return int((before < share * s.square().sum()).sum())
    return count


def extraction_models(dtype):
    random = torch.Generator().manual_seed(5)

    def draw(*shape):
        return torch.randn(*shape, generator=random)
    base = {"h.0.q.weight": draw(12, 9), "h.0.q.bias": draw(12), "h.0.norm.weight": draw(9), "h.1.q.weight": draw(12, 9),
            "h.1.q.bias": draw(12), "conv.weight": draw(6, 4, 3, 3), "embed_tokens.weight": draw(20, 9)}
    base = {name: tensor.to(dtype) for name, tensor in base.items()}
    tuned = {name: (tensor.float() + 0.1 * draw(*tensor.shape)).to(dtype) for name, tensor in base.items()}
    tuned["h.1.q.weight"] = base["h.1.q.weight"].clone()  # nothing to extract
    return base, tuned


EXTRACTIONS = [
    ("rank", "rank: 3", lambda m: low_rank(m, 3)),
    ("all", "rank: 500", lambda m: m.double()),
    ("energy", "rank: 12, energy: 0.8, on_loss: fail", lambda m: low_rank(m, 12, enough(0.8))),
    ("error", "rank: 12, error: 0.4, on_loss: fail", lambda m: low_rank(m, 12, enough(1 - 0.4 ** 2))),
    ("threshold", "rank: 12, threshold: 0.45", lambda m: low_rank(m, 12, lambda s: int((s > 0.45).sum()))),
]


def extract_and_merge(program, folder, words, approximate, dtype):
    base, tuned = extraction_models(dtype)
    for name, model in (("base", base), ("tuned", tuned)):
        save_file(model, os.path.join(folder, name + ".safetensors"))
    plan = ("inputs: ['base::base.safetensors', 'tuned::tuned.safetensors']\ntransforms:\n"
            "  - lora_extract: {tuned: tuned, base: base, to: lora, embeddings: lora, %s}\n  - save: {path: lora/, alias: lora}\n"
            "  - load: {path: lora, alias: again}\n"
            "  - lora_merge: {model: base, adapters: [again], on_loss: ignore}\noutput: {path: out.safetensors, model: base}\n")
    problem = peers.run_plan(program, plan % words, folder)
    if problem:
        return problem
    if sorted(os.listdir(os.path.join(folder, "lora"))) != ["adapter_config.json", "adapter_model.safetensors"]:
        return "other files: %s" % os.listdir(os.path.join(folder, "lora"))
    expected = {}
    for name, tensor in base.items():
        moved = tuned[name].double() - tensor.double()
        if tensor.dim() > 1:
            moved = approximate(moved.flatten(1)).reshape(moved.shape)
        expected[name] = (tensor.double() + moved).to(dtype)
    got = load_file(os.path.join(folder, "out.safetensors"))
    near = 1e-5 if dtype == torch.float32 else 2 ** -7
    return "other tensors" if got.keys() != expected.keys() else first_problem(
        far(name, got[name], expected[name], near, near) for name in got)


def check_extractions(program, tally):
    for dtype in (torch.float32, torch.bfloat16):
        for name, words, approximate in EXTRACTIONS:
            with peers.scratch() as folder:
                tally.check("extraction by %s, %s" % (name, dtype),
                            extract_and_merge(program, folder, words, approximate, dtype))


def prune(tensor, density):
    keep = torch.zeros(tensor.numel(), dtype=torch.bool)
    keep[tensor.abs().flatten().topk(int(density * tensor.numel())).indices] = True
    return tensor * keep.reshape(tensor.shape)


def ties(tensors, weights, density, votes):
    kept = torch.stack([prune(tensor, density) for tensor in tensors])
    elected = torch.where(votes(kept).sum(0) >= 0, 1.0, -1.0)
    agrees = (kept.sign() == elected).double()
    weighted = kept * torch.tensor(weights, dtype=torch.float64).reshape(-1, 1, 1)
    return (weighted * agrees).sum(0) / agrees.sum(0).clamp(min=1)


def combination(method, parts, weights, density, rank, votes):
    """`parts`: A, B and scale of each adapter, in float64."""
    products = [scale * b @ a for a, b, scale in parts]
    if method in ("cat", "svd"):
        total = sum(w * product for w, product in zip(weights, products))
        return total if method == "cat" else low_rank(total, rank)
    if method == "magnitude_prune_svd":
        return low_rank(sum(w * prune(product, density) for w, product in zip(weights, products)), rank)
    if method == "ties_svd":
        return low_rank(ties(products, weights, density, votes), rank)
    if method == "ties_core":  # the signs of singular vectors are free, and the result does not depend on them
        u = torch.linalg.svd(torch.cat([b for _, b, _ in parts], 1), full_matrices=False)[0]
        v = torch.linalg.svd(torch.cat([a for a, _, _ in parts]), full_matrices=False)[2]
        return low_rank(u @ ties([u.T @ product @ v.T for product in products], weights, density, votes) @ v, rank)
    roots = [abs(w * scale) ** 0.5 for w, (_, _, scale) in zip(weights, parts)]
    signed = [root if w * scale >= 0 else -root for root, w, (_, _, scale) in zip(roots, weights, parts)]
    sides = []
    for tensors, factors in (([a for a, _, _ in parts], signed), ([b for _, b, _ in parts], roots)):
        if method == "ties":
            sides.append(ties(tensors, factors, density, votes))
        else:
            sides.append(sum(f * (prune(t, density) if method == "magnitude_prune" else t) for f, t in zip(factors, tensors)))
    return sides[1] @ sides[0]


COMBINATIONS = [("cat", None, None), ("linear", None, None), ("svd", None, 3), ("magnitude_prune", 0.5, None),
                ("magnitude_prune_svd", 0.4, 4), ("ties", 0.6, None), ("ties_svd", 0.6, 4),
                ("ties_core", 0.6, 4)]
# With all elements kept, choosing at random is no choice.
WITHOUT_CHOICE = [("dare_linear", "linear", None), ("dare_linear_svd", "svd", 4)]


def check_combinations(program, tally):
    random = torch.Generator().manual_seed(9)
    parts = [(torch.randn(3, 7, generator=random), torch.randn(10, 3, generator=random), scale) for scale in (2.0, 0.5, 1.0)]
    weights = [0.8, -0.3, 0.5]
    votes = {"total": lambda t: t, "frequency": torch.sign}
    jobs = [(method, method, density, rank) for method, density, rank in COMBINATIONS]
    jobs += [(method, same, None, rank) for method, same, rank in WITHOUT_CHOICE]
    for method, same, density, rank in jobs:
        for signs in votes if method in ("ties", "ties_svd") else ["total"]:
            with peers.scratch() as folder:
                inputs, entries = [], []
                for i, (a, b, scale) in enumerate(parts):
                    path = os.path.join(folder, "a%d" % i)
                    os.makedirs(path)
                    save_file({"base_model.model.x.lora_A.weight": a, "base_model.model.x.lora_B.weight": b},
                              os.path.join(path, "adapter_model.safetensors"))
                    with open(os.path.join(path, "adapter_config.json"), "w", encoding="utf-8") as file:
                        json.dump({"peft_type": "LORA", "r": 3, "lora_alpha": 3 * scale}, file)
                    inputs.append("a%d" % i)
                    entries.append("{of: a%d, weight: %r}" % (i, weights[i]))
                words = "method: %s, signs: %s" % (method, signs)
                words += ", density: %r" % density if density else ""
                words += ", rank: %d" % rank if rank else ""
                plan = "inputs: [%s]\ntransforms:\n  - lora_combine: {adapters: [%s], to: both, %s}\noutput: {path: out/, model: both}\n"
                problem = peers.run_plan(program, plan % (", ".join("'%s::%s'" % (i, i) for i in inputs), ", ".join(entries), words),
                                         folder)
                if not problem:
                    wanted = combination(same, [(a.double(), b.double(), s) for a, b, s in parts], weights, density, rank,
                                         votes[signs])
                    got = adapter_products(os.path.join(folder, "out"))[0]["base_model.model.x"]
                    problem = far("the product", got, wanted, 2e-5, 2e-5)
                tally.check("combination %s %s" % (method, signs), problem)


def main():
    program = peers.program_from_arguments()
    tally = peers.Tally()
    check_goldens(program, tally)
    check_kinds(program, tally)
    check_extractions(program, tally)
    check_combinations(program, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
