"""Jobs of check_recipes.py that compute: numeric formats, merges, folds, looking; 11 to 15, 25 to 34."""
import math

import numpy as np
import torch

import recipe_models as models


def like(tensors, step=0.002):
    """A model that was trained a little further."""
    return {name: (tensor.float() + step * torch.randn(tensor.shape)).to(tensor.dtype) for name, tensor in tensors.items()}


def blocks(job):
    c = models.config(model_type="deepseek_v3", torch_dtype="bfloat16",
                      quantization_config={"quant_method": "fp8", "weight_block_size": [16, 16]})
    stored, wanted = {}, {}
    for name, tensor in models.llama(c).items():
        stored[name] = wanted[name] = tensor
        if name.endswith("_proj.weight"):
            codes = (tensor.float() * 3000).clamp(-448, 448).to(torch.float8_e4m3fn)
            rows, columns = codes.shape
            scales = torch.rand(-(-rows // 16), -(-columns // 16)) / 3000
            whole = scales.repeat_interleave(16, 0)[:rows].repeat_interleave(16, 1)[:, :columns]
            stored[name], stored[name + "_scale_inv"] = codes, scales
            wanted[name] = (codes.float() * whole).bfloat16()
    stored["model.layers.0.mlp.gate.e_score_correction_bias"] = wanted["model.layers.0.mlp.gate.e_score_correction_bias"] = torch.randn(8)
    models.write("model", stored, c, files=3)
    config = {key: value for key, value in c.items() if key != "quantization_config"}
    yield job("fp8-to-bf16", {"model": "model", "out": "out"}, wanted, config)


def narrower(job):
    c = models.config(torch_dtype="float32", model_type="deepseek_v3")
    tensors = models.llama(c, dtype=torch.float32)
    tensors["model.layers.1.mlp.gate.weight"] = models.weight(8, 32, dtype=torch.float32)
    tensors["model.layers.1.mlp.gate.e_score_correction_bias"] = 7 + 0.1 * torch.randn(8)
    tensors["steps"] = torch.tensor([1, 2])
    models.write("model", tensors, c)
    wanted = {name: tensor if "norm" in name or ".gate." in name or name == "steps" else tensor.bfloat16()
              for name, tensor in tensors.items()}
    yield job("to-bf16", {"model": "model", "out": "out"}, wanted, {**c, "torch_dtype": "bfloat16"})


def codes(job):
    c = models.config()
    tensors = models.llama(c)
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = 0.4
    models.write("model", tensors, c)
    wanted = {}
    for name, tensor in tensors.items():
        wanted[name] = tensor
        if name.endswith("_proj.weight"):
            scale = tensor.float().abs().amax(1, keepdim=True) / 127
            wanted[name] = (tensor.float() / scale).round().clamp(-127, 127).to(torch.int8)
            wanted[name + "_scale"] = scale
    yield job("int8-rows", {"model": "model", "out": "out"}, wanted, c)


def adapter(base, rank, modules):
    tensors = {}
    for name in base:
        if name.endswith("_proj.weight") and name.split(".")[-2][0] in modules:
            path = "base_model.model." + name.removesuffix(".weight")
            tensors[path + ".lora_A.weight"] = torch.randn(rank, base[name].shape[1]) * 0.1
            tensors[path + ".lora_B.weight"] = torch.randn(base[name].shape[0], rank) * 0.1
    return tensors


def merged(base, lora, scale):
    wanted = dict(base)
    for name in base:
        path = "base_model.model." + name.removesuffix(".weight")
        if path + ".lora_A.weight" in lora:
            product = lora[path + ".lora_B.weight"] @ lora[path + ".lora_A.weight"]
            wanted[name] = (base[name].float() + scale * product).to(base[name].dtype)
    return wanted


def lora(job):
    c = models.config(num_hidden_layers=11)
    base = models.llama(c)
    models.write("base", base, c)
    for folder, settings, scale in (("plain", {"r": 3, "lora_alpha": 6}, 2), ("stable", {"r": 4, "lora_alpha": 6, "use_rslora": True}, 3)):
        tensors = adapter(base, settings["r"], "qv")
        tensors["base_model.model.lm_head.weight"] = models.weight(50, 32)
        models.write(folder, tensors, name="adapter_model")
        models.write_json(folder + "/adapter_config.json", {"use_rslora": False, **settings})
        wanted = merged(base, tensors, scale)
        wanted["lm_head.weight"] = tensors["base_model.model.lm_head.weight"]
        yield job("merge-lora", {"base": "base", "adapter": folder, "out": "of_" + folder}, wanted, c, close=True, out="of_" + folder)


def extraction(job):
    c = models.config(num_hidden_layers=3)
    base = models.llama(c, dtype=torch.float32)
    factors = adapter(base, 4, "qkvogud")
    models.write("base", base, c)
    models.write("tuned", merged(base, factors, 1), c)
    folder = "out"
    yield job("extract-lora", {"base": "base", "tuned": "tuned", "out": folder, "rank": 4})
    yield job("merge-lora", {"base": "base", "adapter": folder, "out": "again", "weight": 1}, merged(base, factors, 1), c, close=True, out="again")


def merges(job):
    c = models.config(num_hidden_layers=4)
    base = models.llama(c)
    base["model.positions"] = torch.arange(5)
    one, two = like(base), like(base)
    for folder, tensors in (("base", base), ("one", one), ("two", two)):
        models.write(folder, {**tensors, "model.positions": base["model.positions"]}, c)

    def combined(formula):
        return {name: formula(name, x.float(), one[name].float(), two[name].float()).bfloat16() if x.is_floating_point() else x
                for name, x in base.items()}
    yield job("task-arithmetic", {"base": "base", "first": "one", "second": "two", "weights": "[0.5, 0.25]", "out": "task"},
              combined(lambda _, x, a, b: x + 0.5 * (a - x) + 0.25 * (b - x)), c, out="task")
    yield job("soup", {"models": "[base, one, two]", "out": "soup"},
              combined(lambda _, x, a, b: (x.double() + a.double() + b.double()) / 3), c, out="soup")

    def by_depth(name, x, a, _):
        weight = [0.2, 0.4, 0.4, 0.6][int(name.split(".")[2])] if name.startswith("model.layers.") else 0.5
        return x + weight * (a - x)
    yield job("merge-by-depth", {"a": "base", "b": "one", "out": "depth"}, combined(by_depth), c, out="depth", close=True)


def delta(job):
    c = models.config()
    base = models.llama(c, dtype=torch.float16)
    difference = {name: models.weight(*tensor.shape, dtype=torch.float16) for name, tensor in base.items()}
    models.write("base", base, {**c, "torch_dtype": "float16"})
    models.write("delta", difference, {**c, "torch_dtype": "float16"})
    wanted = {name: (tensor.float() + difference[name].float()).half() for name, tensor in base.items()}
    yield job("apply-delta", {"base": "base", "delta": "delta", "out": "out"}, wanted, {**c, "torch_dtype": "float16"})


def direction(job):
    c = models.config()
    tensors = models.llama(c)
    models.write("model", tensors, c)
    vector = np.random.RandomState(0).randn(32) * 3
    np.save("refusal.npy", vector)
    r = torch.from_numpy(vector).float()
    r = r / r.norm()
    wanted = {}
    for name, tensor in tensors.items():
        w = tensor.float()
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            w = w - torch.outer(r, r @ w)
        elif name == "model.embed_tokens.weight":
            w = w - torch.outer(w @ r, r)
        wanted[name] = w.to(tensor.dtype)
    yield job("remove-direction", {"model": "model", "direction": "refusal.npy", "out": "out"}, wanted, c, close=True)


def folded(tensors, c, offset):
    wanted = dict(tensors)

    def fold(norm, weights):
        g = tensors[norm].float() + offset
        wanted[norm] = torch.full_like(tensors[norm], 1 - offset)
        for name in weights:
            wanted[name] = (tensors[name].float() * g).to(tensors[name].dtype)
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d." % i
        fold(base + "input_layernorm.weight", [base + "self_attn.%s_proj.weight" % p for p in "qkv"])
        fold(base + "post_attention_layernorm.weight", [base + "mlp.%s_proj.weight" % p for p in ("gate", "up")])
    fold("model.norm.weight", ["lm_head.weight"])
    return wanted


def norms(job):
    c = models.config(num_hidden_layers=11)
    tensors = models.llama(c)
    models.write("model", tensors, c)
    models.write("tied", {name: tensor for name, tensor in tensors.items() if name != "lm_head.weight"}, {**c, "tie_word_embeddings": True})
    yield job("fold-norms", {"model": "model", "out": "out"}, folded(tensors, c, 0), c)
    yield job("fold-norms", {"model": "model", "out": "gemma", "offset": 1}, folded(tensors, c, 1), c, out="gemma")
    yield job("fold-norms", {"model": "tied", "out": "none"}, status=2, says="lm_head.weight")


def looks(job):
    c = models.config()
    tensors = models.llama(c)
    models.write("good", tensors, c)
    models.write("sharded", tensors, c, files=4)
    bad = {**tensors, "model.norm.weight": tensors["model.norm.weight"].clone()}
    bad["model.norm.weight"][3] = math.nan
    models.write("bad", bad, c)
    yield job("scan", {"model": "good"}, says='"mean"')
    yield job("scan", {"model": "bad"}, status=1, says="model.norm.weight")
    yield job("scan", {"model": "good", "largest": 0.5}, status=1, says="norm.weight")
    yield job("compare", {"left": "good", "right": "sharded"}, says="No differences found.")
    yield job("compare", {"left": "good", "right": "bad"}, status=1, says="model.norm.weight")


JOBS = [blocks, narrower, codes, lora, extraction, merges, delta, direction, norms, looks]
