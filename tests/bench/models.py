#!/usr/bin/env python3
"""Makes the inputs of the benchmark: safetensors files with the names and shapes of published models.

usage: models.py KIND PATH [--small]

KIND is a key of KINDS below. Values are seeded and random, between 2^-7 and 2 and of either sign, so that nothing
overflows or is special; what is sparse holds zeros and takes no room on the disk. The benchmark runs this as a process
of its own: the system counts what a parent once held as the memory of its children.
"""
import json
import os
import random
import struct
import sys
from collections import namedtuple

Sizes = namedtuple("Sizes", "layers hidden key_value inner vocabulary experts")
FULL = Sizes(layers=22, hidden=2048, key_value=256, inner=5632, vocabulary=32000, experts=256)  # TinyLlama-1.1B
SOLAR = FULL._replace(layers=48, hidden=4096, key_value=1024, inner=14336)  # SOLAR-10.7B
SMALL = Sizes(layers=2, hidden=512, key_value=64, inner=1408, vocabulary=2000, experts=4)
BYTES = {"BF16": 2, "F16": 2, "F32": 4, "F8_E4M3": 1}
# Of the top byte of each value these bits are random, and these set: the sign, and exponents from below to that of 1.
RANDOM_BITS = {"BF16": (0x83, 0x3C), "F32": (0x83, 0x3C), "F16": (0x8F, 0x30)}
BLOCK_BYTES = (64 << 20) + 4 * 4099  # odd, so that no two tensors hold the same
DEEPSEEK_SHARD_BYTES = 5 * 10**9


def llama(sizes, fused=False):
    """Names and shapes; FUSED has query, key and value in one matrix."""
    hidden, key_value, inner = sizes.hidden, sizes.key_value, sizes.inner
    named = {"model.embed_tokens.weight": [sizes.vocabulary, hidden], "lm_head.weight": [sizes.vocabulary, hidden],
             "model.norm.weight": [hidden]}
    for i in range(sizes.layers):
        part = "model.layers.%d." % i
        named[part + "input_layernorm.weight"] = named[part + "post_attention_layernorm.weight"] = [hidden]
        named[part + "self_attn.o_proj.weight"] = [hidden, hidden]
        if fused:
            named[part + "self_attn.qkv_proj.weight"] = [hidden + 2 * key_value, hidden]
        else:
            named[part + "self_attn.q_proj.weight"] = [hidden, hidden]
            named[part + "self_attn.k_proj.weight"] = named[part + "self_attn.v_proj.weight"] = [key_value, hidden]
        named[part + "mlp.gate_proj.weight"] = named[part + "mlp.up_proj.weight"] = [inner, hidden]
        named[part + "mlp.down_proj.weight"] = [hidden, inner]
    return named


def of_dtype(dtype, shapes):
    return [(name, dtype, shape) for name, shape in sorted(shapes.items())]


def matrices(sizes):
    named = {name: shape for name, shape in llama(sizes._replace(layers=min(4, sizes.layers))).items()
             if name.endswith(("q_proj.weight", "gate_proj.weight"))}
    return of_dtype("F32", named)


def block_scaled(name, rows, columns):
    """A matrix of 8-bit floats and its scales, one for each block of 128 x 128."""
    yield name + ".weight", "F8_E4M3", [rows, columns]
    yield name + ".weight_scale_inv", "F32", [-(-rows // 128), -(-columns // 128)]


def gated(name, hidden, inner):
    for projection, shape in (("gate", (inner, hidden)), ("up", (inner, hidden)), ("down", (hidden, inner))):
        yield from block_scaled("%s.%s_proj" % (name, projection), *shape)


def deepseek_layer(part, dense, experts):
    hidden, heads, query_rank, key_value_rank, rope, each = 7168, 128, 1536, 512, 64, 128
    yield part + "input_layernorm.weight", "BF16", [hidden]
    yield from block_scaled(part + "self_attn.q_a_proj", query_rank, hidden)
    yield part + "self_attn.q_a_layernorm.weight", "BF16", [query_rank]
    yield from block_scaled(part + "self_attn.q_b_proj", heads * (each + rope), query_rank)
    yield from block_scaled(part + "self_attn.kv_a_proj_with_mqa", key_value_rank + rope, hidden)
    yield part + "self_attn.kv_a_layernorm.weight", "BF16", [key_value_rank]
    yield from block_scaled(part + "self_attn.kv_b_proj", heads * 2 * each, key_value_rank)
    yield from block_scaled(part + "self_attn.o_proj", hidden, heads * each)
    yield part + "post_attention_layernorm.weight", "BF16", [hidden]
    if dense:
        yield from gated(part + "mlp", hidden, 18432)
        return
    yield part + "mlp.gate.weight", "BF16", [experts, hidden]
    yield part + "mlp.gate.e_score_correction_bias", "F32", [experts]
    for expert in range(experts):
        yield from gated(part + "mlp.experts.%d" % expert, hidden, 2048)
    yield from gated(part + "mlp.shared_experts", hidden, 2048)


def deepseek(sizes):
    """DeepSeek-V3: 61 layers, the first three dense, and one that predicts a further token."""
    hidden, vocabulary, layers = 7168, 129280, 61
    yield "model.embed_tokens.weight", "BF16", [vocabulary, hidden]
    for i in range(layers):
        yield from deepseek_layer("model.layers.%d." % i, i < 3, sizes.experts)
    part = "model.layers.%d." % layers
    yield part + "embed_tokens.weight", "BF16", [vocabulary, hidden]
    yield part + "enorm.weight", "BF16", [hidden]
    yield part + "hnorm.weight", "BF16", [hidden]
    yield part + "eh_proj.weight", "BF16", [hidden, 2 * hidden]
    yield from deepseek_layer(part, False, sizes.experts)
    yield part + "shared_head.norm.weight", "BF16", [hidden]
    yield part + "shared_head.head.weight", "BF16", [vocabulary, hidden]
    yield "model.norm.weight", "BF16", [hidden]
    yield "lm_head.weight", "BF16", [vocabulary, hidden]


def bytes_of(dtype, shape):
    size = BYTES[dtype]
    for length in shape:
        size *= length
    return size


def random_block(dtype, seed):
    block = bytearray(random.Random(seed).randbytes(BLOCK_BYTES))
    free, fixed = RANDOM_BITS[dtype]
    size = BYTES[dtype]
    block[size - 1::size] = block[size - 1::size].translate(bytes(byte & free | fixed for byte in range(256)))
    return memoryview(block)


def write_file(path, tensors, seed=None):
    """Without a SEED the file is sparse; with one all tensors must have one dtype."""
    header, size = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape in tensors:
        end = size + bytes_of(dtype, shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [size, end]}
        size = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        if seed is None:
            file.truncate(8 + len(text) + size)
            return
        block = random_block(tensors[0][1], seed)
        while size > 0:
            file.write(block[:size])
            size -= len(block)


def write_shards(folder, tensors):
    shards, room = [], 0
    for tensor in tensors:
        size = bytes_of(*tensor[1:])
        if size > room or not shards:
            shards.append([])
            room = DEEPSEEK_SHARD_BYTES
        shards[-1].append(tensor)
        room -= size
    os.makedirs(folder)
    index = {}
    for i, shard in enumerate(shards):
        file = "model-%05d-of-%05d.safetensors" % (i + 1, len(shards))
        write_file(os.path.join(folder, file), shard)
        index.update((name, file) for name, _, _ in shard)
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {}, "weight_map": index}, file)


def dense(dtype, seed, fused=False, share=1):
    """A model of TinyLlama's shapes with one layer of SHARE."""
    def write(path, sizes):
        write_file(path, of_dtype(dtype, llama(sizes._replace(layers=sizes.layers // share), fused)), seed)
    return write


def sparse(path, sizes):
    write_file(path, of_dtype("BF16", llama(sizes)))


def sparse_large(path, sizes):
    """Ten times the bytes, as models have them: wider more than deeper."""
    sparse(path, SOLAR if sizes is FULL else sizes._replace(layers=2 * sizes.layers, hidden=2 * sizes.hidden,
                                                            inner=2 * sizes.inner))


KINDS = {
    "bfloat16": dense("BF16", 1), "bfloat16-b": dense("BF16", 2), "bfloat16-c": dense("BF16", 8),
    "float16": dense("F16", 3), "float16-b": dense("F16", 4), "float32": dense("F32", 5, share=2),
    "fused": dense("BF16", 6, fused=True),
    "matrices": lambda path, sizes: write_file(path, matrices(sizes), 7),
    "deepseek-v3": lambda path, sizes: write_shards(path, deepseek(sizes)),
    "sparse": sparse, "sparse-large": sparse_large,
}


def main():
    kind, path = sys.argv[1:3]
    KINDS[kind](path, SMALL if "--small" in sys.argv[3:] else FULL)


if __name__ == "__main__":
    main()
