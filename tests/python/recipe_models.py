"""Small checkpoints with the names, dtypes and layouts of published models, for check_recipes.py."""
import json
import os

import torch
from safetensors.torch import save_file

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 40,
         "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50,
         "rms_norm_eps": 1e-05, "tie_word_embeddings": False, "torch_dtype": "bfloat16"}


def config(**changes):
    return {**LLAMA, **changes}


def weight(*shape, dtype=torch.bfloat16, std=0.02):
    return (torch.randn(shape) * std).to(dtype)


def norm(size, dtype=torch.bfloat16):
    return (1 + 0.1 * torch.randn(size)).to(dtype)


def sizes(c):
    head = c["hidden_size"] // c["num_attention_heads"]
    return c["hidden_size"], c["intermediate_size"], c["num_attention_heads"] * head, c["num_key_value_heads"] * head


def frame(c, dtype):
    """What stands around the layers of a model of Llama's kind."""
    tensors = {"model.embed_tokens.weight": weight(c["vocab_size"], c["hidden_size"], dtype=dtype),
               "model.norm.weight": norm(c["hidden_size"], dtype)}
    if not c["tie_word_embeddings"]:
        tensors["lm_head.weight"] = weight(c["vocab_size"], c["hidden_size"], dtype=dtype)
    return tensors


def attention(c, base, dtype, biases=False):
    hidden, _, q, kv = sizes(c)
    tensors = {base + "input_layernorm.weight": norm(hidden, dtype),
               base + "post_attention_layernorm.weight": norm(hidden, dtype),
               base + "self_attn.o_proj.weight": weight(hidden, q, dtype=dtype)}
    for name, rows in (("q", q), ("k", kv), ("v", kv)):
        tensors[base + "self_attn.%s_proj.weight" % name] = weight(rows, hidden, dtype=dtype)
        if biases:
            tensors[base + "self_attn.%s_proj.bias" % name] = weight(rows, dtype=dtype)
    return tensors


def llama(c, dtype=torch.bfloat16, biases=False):
    hidden, inner, _, _ = sizes(c)
    tensors = frame(c, dtype)
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d." % i
        tensors.update(attention(c, base, dtype, biases))
        tensors[base + "mlp.gate_proj.weight"] = weight(inner, hidden, dtype=dtype)
        tensors[base + "mlp.up_proj.weight"] = weight(inner, hidden, dtype=dtype)
        tensors[base + "mlp.down_proj.weight"] = weight(hidden, inner, dtype=dtype)
    return tensors


def meta(c, dtype=torch.bfloat16):
    """The layout in which Meta releases Llama: consolidated.00.pth."""
    hidden, inner, q, kv = sizes(c)
    tensors = {"tok_embeddings.weight": weight(c["vocab_size"], hidden, dtype=dtype), "norm.weight": norm(hidden, dtype),
               "output.weight": weight(c["vocab_size"], hidden, dtype=dtype), "rope.freqs": weight(4, dtype=dtype)}
    for i in range(c["num_hidden_layers"]):
        base = "layers.%d." % i
        for name, rows, columns in (("attention.wq", q, hidden), ("attention.wk", kv, hidden), ("attention.wv", kv, hidden),
                                    ("attention.wo", hidden, q), ("feed_forward.w1", inner, hidden),
                                    ("feed_forward.w2", hidden, inner), ("feed_forward.w3", inner, hidden)):
            tensors[base + name + ".weight"] = weight(rows, columns, dtype=dtype)
        tensors[base + "attention_norm.weight"] = norm(hidden, dtype)
        tensors[base + "ffn_norm.weight"] = norm(hidden, dtype)
    return tensors


def phi3(c, dtype=torch.bfloat16):
    hidden, inner, q, kv = sizes(c)
    tensors = frame(c, dtype)
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d." % i
        tensors[base + "input_layernorm.weight"] = norm(hidden, dtype)
        tensors[base + "post_attention_layernorm.weight"] = norm(hidden, dtype)
        tensors[base + "self_attn.qkv_proj.weight"] = weight(q + 2 * kv, hidden, dtype=dtype)
        tensors[base + "self_attn.o_proj.weight"] = weight(hidden, q, dtype=dtype)
        tensors[base + "mlp.gate_up_proj.weight"] = weight(2 * inner, hidden, dtype=dtype)
        tensors[base + "mlp.down_proj.weight"] = weight(hidden, inner, dtype=dtype)
    return tensors


def mixtral(c, dtype=torch.bfloat16):
    hidden, inner, _, _ = sizes(c)
    tensors = frame(c, dtype)
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d." % i
        tensors.update(attention(c, base, dtype))
        tensors[base + "block_sparse_moe.gate.weight"] = weight(c["num_local_experts"], hidden, dtype=dtype)
        for e in range(c["num_local_experts"]):
            for name, shape in (("w1", (inner, hidden)), ("w2", (hidden, inner)), ("w3", (inner, hidden))):
                tensors[base + "block_sparse_moe.experts.%d.%s.weight" % (e, name)] = weight(*shape, dtype=dtype)
    return tensors


def megatron(c, padded, dtype=torch.bfloat16):
    hidden, inner, q, kv = sizes(c)
    tensors = {"embedding.word_embeddings.weight": weight(padded, hidden, dtype=dtype),
               "output_layer.weight": weight(padded, hidden, dtype=dtype),
               "decoder.final_layernorm.weight": norm(hidden, dtype)}
    for i in range(c["num_hidden_layers"]):
        base = "decoder.layers.%d." % i
        tensors[base + "self_attention.linear_qkv.weight"] = weight(q + 2 * kv, hidden, dtype=dtype)
        tensors[base + "self_attention.linear_qkv.layer_norm_weight"] = norm(hidden, dtype)
        tensors[base + "self_attention.linear_qkv._extra_state"] = torch.zeros(7, dtype=torch.uint8)
        tensors[base + "self_attention.linear_proj.weight"] = weight(hidden, q, dtype=dtype)
        tensors[base + "mlp.linear_fc1.weight"] = weight(2 * inner, hidden, dtype=dtype)
        tensors[base + "mlp.linear_fc1.layer_norm_weight"] = norm(hidden, dtype)
        tensors[base + "mlp.linear_fc2.weight"] = weight(hidden, inner, dtype=dtype)
    return tensors


def gpt2(layers=3, hidden=16, vocabulary=30, positions=8):
    def values(*shape):
        return weight(*shape, dtype=torch.float32)
    tensors = {"wte.weight": values(vocabulary, hidden), "wpe.weight": values(positions, hidden),
               "ln_f.weight": values(hidden), "ln_f.bias": values(hidden)}
    for i in range(layers):
        base = "h.%d." % i
        tensors[base + "attn.bias"] = torch.ones(positions, positions).tril().reshape(1, 1, positions, positions)
        for name, rows, columns in (("attn.c_attn", hidden, 3 * hidden), ("attn.c_proj", hidden, hidden),
                                    ("mlp.c_fc", hidden, 4 * hidden), ("mlp.c_proj", 4 * hidden, hidden)):
            tensors[base + name + ".weight"] = values(rows, columns)
            tensors[base + name + ".bias"] = values(columns)
        for name in ("ln_1", "ln_2"):
            tensors[base + name + ".weight"] = values(hidden)
            tensors[base + name + ".bias"] = values(hidden)
    return tensors


def write(folder, tensors, config_json=None, files=1, name="model"):
    """A directory as it is published: config.json, a tokenizer, one file or shards with their index."""
    os.makedirs(folder, exist_ok=True)
    names = list(tensors)
    shards = [names[i::files] for i in range(files)]
    weight_map = {}
    for number, part in enumerate(shards):
        file = "%s.safetensors" % name if files == 1 else "%s-%05d-of-%05d.safetensors" % (name, number + 1, files)
        save_file({key: tensors[key].contiguous() for key in part}, os.path.join(folder, file), metadata={"format": "pt"})
        weight_map.update({key: file for key in part})
    if files > 1:
        total = sum(t.numel() * t.element_size() for t in tensors.values())
        write_json(os.path.join(folder, "model.safetensors.index.json"),
                   {"metadata": {"total_size": total}, "weight_map": weight_map})
    if config_json is not None:
        write_json(os.path.join(folder, "config.json"), config_json)
        write_json(os.path.join(folder, "tokenizer.json"), {"version": "1.0"})


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


class Random:
    """In the place of an expected tensor: dtype, shape, and the deviation of normal elements around 0."""

    def __init__(self, dtype, shape, std):
        self.dtype, self.shape, self.std = dtype, torch.Size(shape), std

    def problem(self, got):
        values = got.double()
        if values.unique().numel() < values.numel() // 2:
            return "elements repeat"
        if abs(values.mean()) > 0.2 * self.std or not 0.8 * self.std < values.std() < 1.2 * self.std:
            return "mean %g, deviation %g; expected a deviation of %g" % (values.mean(), values.std(), self.std)
        return None
