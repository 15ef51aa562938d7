"""Names, dtypes and shapes of published models, for check_full_size.py. Files are headers and holes."""
import json
import os
import struct

SIZES = {"F32": 4, "BF16": 2, "F8_E4M3": 1, "I64": 8}


def write_file(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape in tensors:
        size = SIZES[dtype]
        for length in shape:
            size *= length
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return at


def write(folder, tensors, config, per_file=600):
    """A directory with config.json and an index."""
    os.makedirs(folder)
    files = [tensors[i:i + per_file] for i in range(0, len(tensors), per_file)]
    index, total = {}, 0
    for number, part in enumerate(files):
        name = "model-%05d-of-%05d.safetensors" % (number + 1, len(files))
        total += write_file(os.path.join(folder, name), part)
        index.update({tensor[0]: name for tensor in part})
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": index}, file)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)


def bf16(name, *shape):
    return [(name, "BF16", list(shape))]


def llama_config(**more):
    return {"model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
            "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
            "torch_dtype": "bfloat16", **more}


def llama(c):
    """Llama-3-70B."""
    hidden, inner, rows = c["hidden_size"], c["intermediate_size"], c["num_key_value_heads"] * 128
    tensors = bf16("model.embed_tokens.weight", c["vocab_size"], hidden) + bf16("lm_head.weight", c["vocab_size"], hidden)
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d." % i
        for name, *shape in (("self_attn.q_proj", hidden, hidden), ("self_attn.k_proj", rows, hidden),
                             ("self_attn.v_proj", rows, hidden), ("self_attn.o_proj", hidden, hidden),
                             ("mlp.gate_proj", inner, hidden), ("mlp.up_proj", inner, hidden), ("mlp.down_proj", hidden, inner),
                             ("input_layernorm", hidden), ("post_attention_layernorm", hidden)):
            tensors += bf16(base + name + ".weight", *shape)
    return tensors + bf16("model.norm.weight", hidden)


def meta(c):
    names = {"self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
             "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
             "mlp.down_proj": "feed_forward.w2", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
             "model.embed_tokens": "tok_embeddings", "lm_head": "output", "model.norm": "norm", "model.layers": "layers"}
    tensors = []
    for name, dtype, shape in llama(c):
        for before, after in names.items():
            name = name.replace(before, after)
        tensors.append((name, dtype, shape))
    return tensors


def phi3(c):
    fused = {"q_proj": ("qkv_proj", c["hidden_size"] + 2 * c["num_key_value_heads"] * 128), "k_proj": None, "v_proj": None,
             "gate_proj": ("gate_up_proj", 2 * c["intermediate_size"]), "up_proj": None}
    tensors = []
    for name, dtype, shape in llama(c):
        part = name.split(".")[-2]
        if part in fused and fused[part] is None:
            continue
        if part in fused:
            name, shape = name.replace(part, fused[part][0]), [fused[part][1], shape[1]]
        tensors.append((name, dtype, shape))
    return tensors


def mixtral(c):
    """Mixtral-8x22B."""
    tensors = [tensor for tensor in llama(c) if ".mlp." not in tensor[0]]
    hidden, inner = c["hidden_size"], 16384
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d.block_sparse_moe." % i
        tensors += bf16(base + "gate.weight", 8, hidden)
        for e in range(8):
            for name, *shape in (("w1", inner, hidden), ("w2", hidden, inner), ("w3", inner, hidden)):
                tensors += bf16(base + "experts.%d.%s.weight" % (e, name), *shape)
    return tensors


DEEPSEEK = {"model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61, "n_routed_experts": 256, "vocab_size": 129280,
            "num_attention_heads": 128, "num_key_value_heads": 128, "torch_dtype": "bfloat16", "tie_word_embeddings": False,
            "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}


def deepseek(quantised):
    """DeepSeek-V3: 91,991 tensors in FP8 with the scales of blocks."""
    hidden = 7168

    def matrix(name, rows, columns):
        if not quantised:
            return bf16(name + ".weight", rows, columns)
        return [(name + ".weight", "F8_E4M3", [rows, columns]),
                (name + ".weight_scale_inv", "F32", [-(-rows // 128), -(-columns // 128)])]

    def feed_forward(base, inner):
        return (matrix(base + "gate_proj", inner, hidden) + matrix(base + "up_proj", inner, hidden) +
                matrix(base + "down_proj", hidden, inner))

    tensors = bf16("model.embed_tokens.weight", 129280, hidden) + bf16("model.norm.weight", hidden) + bf16("lm_head.weight", 129280, hidden)
    for i in range(62):
        base = "model.layers.%d." % i
        for name, size in (("input_layernorm", hidden), ("post_attention_layernorm", hidden), ("self_attn.q_a_layernorm", 1536),
                           ("self_attn.kv_a_layernorm", 512)):
            tensors += bf16(base + name + ".weight", size)
        for name, rows, columns in (("q_a_proj", 1536, hidden), ("q_b_proj", 24576, 1536), ("kv_a_proj_with_mqa", 576, hidden),
                                    ("kv_b_proj", 32768, 512), ("o_proj", hidden, 16384)):
            tensors += matrix(base + "self_attn." + name, rows, columns)
        if i < 3:
            tensors += feed_forward(base + "mlp.", 18432)
            continue
        tensors += bf16(base + "mlp.gate.weight", 256, hidden) + [(base + "mlp.gate.e_score_correction_bias", "F32", [256])]
        tensors += feed_forward(base + "mlp.shared_experts.", 2048)
        for e in range(256):
            tensors += feed_forward(base + "mlp.experts.%d." % e, 2048)
    base = "model.layers.61."
    for name, *shape in (("enorm.weight", hidden), ("hnorm.weight", hidden), ("eh_proj.weight", hidden, 2 * hidden),
                         ("embed_tokens.weight", 129280, hidden), ("shared_head.head.weight", 129280, hidden),
                         ("shared_head.norm.weight", hidden)):
        tensors += bf16(base + name, *shape)
    return tensors


def packed(tensors):
    """Experts as one tensor a layer."""
    result, seen = [], set()
    for name, dtype, shape in tensors:
        if ".mlp.experts." not in name:
            result.append((name, dtype, shape))
            continue
        base, part = name.split(".experts.")[0] + ".experts", name.split(".")[-2]
        key = base + (".down_proj" if part == "down_proj" else ".gate_up_proj")
        if key not in seen:
            seen.add(key)
            result.append((key, dtype, [256, *(shape if part == "down_proj" else [2 * shape[0], shape[1]])]))
    return result
