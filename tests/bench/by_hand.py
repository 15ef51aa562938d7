#!/usr/bin/env python3
"""The benchmark's scenarios as one writes them by hand with safetensors and PyTorch.

usage: by_hand.py SCENARIO TARGET SOURCE [SOURCE ...]
"""
import json
import os
import re
import sys

import torch
from safetensors.torch import load_file, save_file

METADATA = {"format": "pt"}


def rename(target, source):
    renamed = {}
    for name, tensor in load_file(source).items():
        name = re.sub(r"^model\.layers\.(\d+)\.", r"blocks.\1.", name)
        name = re.sub(r"^model\.(embed_tokens|norm)\.weight$", r"\1", name)
        renamed[re.sub(r"^lm_head\.weight$", "head", name)] = tensor
    save_file(renamed, target, METADATA)


def delete(target, source):
    tensors = load_file(source)
    del tensors["model.layers.0.input_layernorm.weight"]
    save_file(tensors, target, METADATA)


def reshard(target, source):
    shards, room = [], 0
    for name, tensor in load_file(source).items():
        if tensor.nbytes > room or not shards:
            shards.append({})
            room = 256_000_000
        shards[-1][name] = tensor
        room -= tensor.nbytes
    os.makedirs(target)
    weight_map = {}
    for i, shard in enumerate(shards, 1):
        file = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, os.path.join(target, file), METADATA)
        weight_map.update(dict.fromkeys(shard, file))
    with open(os.path.join(target, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {}, "weight_map": weight_map}, file)


def scale(target, source):
    save_file({name: tensor * 0.5 for name, tensor in load_file(source).items()}, target, METADATA)


def cast(target, source):
    save_file({name: tensor.to(torch.bfloat16) for name, tensor in load_file(source).items()}, target, METADATA)


def merge(target, source, other):
    others = load_file(other)
    save_file({name: (tensor - others[name]) * 0.5 for name, tensor in load_file(source).items()}, target, METADATA)


def chain(target, source):
    results = {}
    for name, tensor in load_file(source).items():
        tensor = (tensor.float() * 0.7).clamp(-0.5, 0.5)
        results[name] = (tensor * 1.3).clamp(max=0.6).to(torch.bfloat16)
    save_file(results, target, METADATA)


def transpose(target, source):
    results = {}
    for name, tensor in load_file(source).items():
        if tensor.dim() == 2:
            name, tensor = name.removesuffix(".weight") + ".transposed", tensor.t().contiguous()
        results[name] = tensor
    save_file(results, target, METADATA)


def split(target, source):
    tensors = load_file(source)
    for name in [name for name in tensors if name.endswith("qkv_proj.weight")]:
        fused = tensors.pop(name)
        hidden = fused.shape[1]
        key_value = (fused.shape[0] - hidden) // 2
        parts = fused.split([hidden, key_value, key_value])
        for letter, part in zip("qkv", parts):
            tensors[name.replace("qkv_proj", letter + "_proj")] = part
    for name in [name for name in tensors if name.endswith("gate_proj.weight")]:
        halves = [tensors.pop(name), tensors.pop(name.replace("gate_proj", "up_proj"))]
        tensors[name.replace("gate_proj", "gate_up_proj")] = torch.cat(halves)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, target, METADATA)


def assert_and_scale(target, source):
    tensors = load_file(source)
    for name, tensor in tensors.items():
        assert (tensor.abs() <= 2).all(), name
    save_file({name: tensor * 0.5 for name, tensor in tensors.items()}, target, METADATA)


def task_sum(target, source, first, second):
    firsts, seconds, results = load_file(first), load_file(second), {}
    for name, tensor in load_file(source).items():
        x, p, q = tensor.float(), firsts[name].float(), seconds[name].float()
        results[name] = (x + 0.4 * (p - x) + 0.4 * (q - x)).to(tensor.dtype)
    save_file(results, target, METADATA)


def rms_rows(target, source):
    tensors = load_file(source)
    for name, tensor in tensors.items():
        if name.endswith("_proj.weight"):
            x = tensor.float()
            mean = (x * x).mean(-1, keepdim=True, dtype=torch.float64).float()
            tensors[name] = (x * torch.rsqrt(mean + 1e-6)).to(tensor.dtype)
    save_file(tensors, target, METADATA)


def statistics(target, source):
    results = {}
    for name, tensor in load_file(source).items():
        x = tensor.double()
        results |= {name + ".nan": x.isnan().sum(), name + ".inf": x.isinf().sum(), name + ".zeros": (x == 0).sum(),
                    name + ".min": x.min().float(), name + ".max": x.max().float(), name + ".mean": x.mean().float(),
                    name + ".std": x.var().float().sqrt(), name + ".l2": x.norm().float()}
    save_file(results, target, METADATA)


def medians(target, source):
    save_file({name: tensor.abs().flatten().median() for name, tensor in load_file(source).items()}, target, METADATA)


def phlora(target, source):
    factors = {}
    for name, tensor in load_file(source).items():
        u, s, vh = torch.linalg.svd(tensor, full_matrices=False)
        root = s[:16].sqrt()
        factors[name.removesuffix(".weight") + ".A"] = (root[:, None] * vh[:16]).contiguous()
        factors[name.removesuffix(".weight") + ".B"] = (u[:, :16] * root).contiguous()
    save_file(factors, target, METADATA)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
