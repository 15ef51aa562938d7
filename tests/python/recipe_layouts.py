"""Jobs of check_recipes.py that change names and layouts: 1 to 10."""
import torch
from gguf import GGUFWriter

import recipe_models as models

META = {"attention.wq": "self_attn.q_proj", "attention.wk": "self_attn.k_proj", "attention.wv": "self_attn.v_proj",
        "attention.wo": "self_attn.o_proj", "feed_forward.w1": "mlp.gate_proj", "feed_forward.w2": "mlp.down_proj",
        "feed_forward.w3": "mlp.up_proj", "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
AROUND = {"tok_embeddings.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}


def halves(rows, heads):
    """Rows of rotary pairs as two halves, head by head, as transformers' converter does it."""
    size, columns = rows.shape
    return rows.view(heads, size // heads // 2, 2, columns).transpose(1, 2).reshape(size, columns)


def meta_to_hf(tensors, c):
    result = {}
    for name, tensor in tensors.items():
        if name == "rope.freqs":
            continue
        if name in AROUND:
            result[AROUND[name]] = tensor
            continue
        _, layer, rest = name.split(".", 2)
        part = rest.removesuffix(".weight")
        if part in ("attention.wq", "attention.wk"):
            tensor = halves(tensor, c["num_attention_heads" if part.endswith("q") else "num_key_value_heads"])
        result["model.layers.%s.%s.weight" % (layer, META[part])] = tensor
    return result


def llama_of_meta(job):
    c = models.config(num_hidden_layers=12)
    tensors = models.meta(c)
    torch.save(tensors, "consolidated.00.pth")
    yield job("llama-meta-to-hf", {"model": "consolidated.00.pth", "out": "out", "heads": 4, "kv_heads": 2},
              meta_to_hf(tensors, c))
    models.write("hf", meta_to_hf(tensors, c), c)
    plain = {name: tensor for name, tensor in tensors.items() if name != "rope.freqs"}
    yield job("llama-hf-to-meta", {"model": "hf", "out": "again.pth"}, plain, out="again.pth")


def gpt2(job):
    c = {"model_type": "gpt2", "n_layer": 3, "n_embd": 16, "vocab_size": 30}
    tensors = models.gpt2()
    models.write("gpt2", tensors, c)
    wanted = {}
    for name, tensor in tensors.items():
        if name.endswith(".attn.bias"):
            continue
        tensor = tensor.T if tensor.dim() == 2 and name.startswith("h.") else tensor
        if "c_attn" not in name:
            wanted[name] = tensor
            continue
        for letter, part in zip("qkv", tensor.split(16)):
            wanted[name.replace("c_attn", letter + "_proj")] = part
    yield job("gpt2-to-linear", {"model": "gpt2", "out": "out"}, wanted, c)


def split_and_fused(job):
    c = models.config(architectures=["Phi3ForCausalLM"], model_type="phi3", num_hidden_layers=11)
    fused = models.phi3(c)
    models.write("fused", fused, c, files=2)
    _, inner, q, kv = models.sizes(c)
    parts = {}
    for name, tensor in fused.items():
        if "qkv_proj" in name:
            for letter, part in zip("qkv", tensor.split([q, kv, kv])):
                parts[name.replace("qkv", letter)] = part
        elif "gate_up" in name:
            parts[name.replace("gate_up", "gate")], parts[name.replace("gate_up", "up")] = tensor[:inner], tensor[inner:]
        else:
            parts[name] = tensor
    models.write("apart", parts, c)
    yield job("split-fused", {"model": "fused", "out": "out"}, parts, c)
    yield job("fuse", {"model": "apart", "out": "out"}, fused, c)


def experts(job):
    c = models.config(architectures=["MixtralForCausalLM"], model_type="mixtral", num_local_experts=12, num_experts_per_tok=2,
                      num_hidden_layers=2)
    many = models.mixtral(c)
    models.write("many", many, c, files=3)
    packed = {name: tensor for name, tensor in many.items() if "block_sparse_moe" not in name}
    for i in range(2):
        old, new = "model.layers.%d.block_sparse_moe." % i, "model.layers.%d.mlp." % i
        of = [[many["%sexperts.%d.%s.weight" % (old, e, w)] for w in ("w1", "w2", "w3")] for e in range(12)]
        packed[new + "experts.gate_up_proj"] = torch.stack([torch.cat([w1, w3]) for w1, _, w3 in of])
        packed[new + "experts.down_proj"] = torch.stack([w2 for _, w2, _ in of])
        packed[new + "gate.weight"] = many[old + "gate.weight"]
    models.write("packed", packed, c)
    yield job("experts-to-packed", {"model": "many", "out": "out"}, packed, c)
    yield job("experts-from-packed", {"model": "packed", "out": "out"}, many, c)


def megatron(job):
    c = models.config(num_attention_heads=8, num_key_value_heads=2)
    tensors = models.megatron(c, padded=64)
    models.write("megatron", tensors)
    hidden, inner, _, _ = models.sizes(c)
    names = {"embedding.word_embeddings.weight": "model.embed_tokens.weight", "output_layer.weight": "lm_head.weight",
             "decoder.final_layernorm.weight": "model.norm.weight"}
    parts = {"self_attention.linear_qkv.layer_norm_weight": "input_layernorm.weight",
             "mlp.linear_fc1.layer_norm_weight": "post_attention_layernorm.weight",
             "mlp.linear_fc2.weight": "mlp.down_proj.weight", "self_attention.linear_proj.weight": "self_attn.o_proj.weight"}
    wanted = {}
    for name, tensor in tensors.items():
        if name in names:
            wanted[names[name]] = tensor[:50]
            continue
        _, _, i, rest = name.split(".", 3)
        base = "model.layers.%s." % i
        if rest in parts:
            wanted[base + parts[rest]] = tensor
        elif rest == "mlp.linear_fc1.weight":
            wanted[base + "mlp.gate_proj.weight"], wanted[base + "mlp.up_proj.weight"] = tensor[:inner], tensor[inner:]
        elif rest == "self_attention.linear_qkv.weight":
            groups = tensor.view(2, 6, 4, hidden)
            for letter, part in (("q", groups[:, :4]), ("k", groups[:, 4]), ("v", groups[:, 5])):
                wanted[base + "self_attn.%s_proj.weight" % letter] = part.reshape(-1, hidden)
    yield job("megatron-to-hf", {"model": "megatron", "out": "out", "heads": 8, "kv_heads": 2, "vocab": 50}, wanted)


def cut(tensors, rank, ranks, embedding_dim):
    part = {}
    for name, tensor in tensors.items():
        kind = name.removesuffix(".weight").rpartition(".")[2]
        if kind in ("wq", "wk", "wv", "w1", "w3", "output"):
            tensor = tensor.chunk(ranks, 0)[rank].clone()
        elif kind in ("wo", "w2", "tok_embeddings"):
            tensor = tensor.chunk(ranks, embedding_dim if kind == "tok_embeddings" else 1)[rank].clone()
        part[name] = tensor
    return part


def ranks(job):
    tensors = models.meta(models.config(hidden_size=48, num_attention_heads=12, num_key_value_heads=12, intermediate_size=60, vocab_size=60))
    for rank in range(12):
        torch.save(cut(tensors, rank, 12, 1), "consolidated.%02d.pth" % rank)
    yield job("join-ranks", {"model": ".", "out": "out", "ranks": 12}, tensors)


def embedding_by_rows(job):
    tensors = models.meta(models.config())
    for rank in range(2):
        torch.save(cut(tensors, rank, 2, 0), "consolidated.%02d.pth" % rank)
    yield job("join-ranks", {"model": ".", "out": "out", "ranks": 2, "embedding_dim": 0}, tensors)
    torch.save(tensors, "whole.pth")
    for dim in (0, 1):
        arguments = {"model": "whole.pth", "out": "cut%d" % dim, "ranks": 2, "embedding_dim": dim}
        for rank in range(2):
            yield job("cut-ranks", arguments, cut(tensors, rank, 2, dim), out="cut%d/consolidated.%02d.pth" % (dim, rank))


def disagreeing_ranks(job):
    tensors = models.meta(models.config())
    for rank in range(2):
        part = cut(tensors, rank, 2, 1)
        part["layers.0.ffn_norm.weight"] = part["layers.0.ffn_norm.weight"] * (rank + 1)
        torch.save(part, "consolidated.%02d.pth" % rank)
    yield job("join-ranks", {"model": ".", "out": "out", "ranks": 2}, status=1, says="ffn_norm")


def training_file(job):
    plain = models.llama(models.config(), dtype=torch.float32)
    wrapped = {"module._orig_mod." + name: tensor for name, tensor in plain.items()}
    wrapped["module.steps"] = torch.tensor([7])
    wanted = {name: tensor.bfloat16() for name, tensor in plain.items()}
    wanted["steps"] = torch.tensor([7])
    torch.save({"state_dict": {**wrapped, "ema.model.norm.weight": torch.ones(32)}, "step": 3}, "last.ckpt")
    torch.save({"model": wrapped, "optimizer": {"state": {0: torch.ones(3)}}, "step": 3}, "other.pt")
    yield job("clean-training-file", {"model": "last.ckpt", "out": "out"}, wanted)
    yield job("clean-training-file", {"model": "other.pt#model", "out": "out"}, wanted)


def gguf(job):
    c = models.config()
    meta = models.meta(c)
    wanted = meta_to_hf(meta, c)
    names = {"attention.wq": "attn_q", "attention.wk": "attn_k", "attention.wv": "attn_v", "attention.wo": "attn_output",
             "feed_forward.w1": "ffn_gate", "feed_forward.w2": "ffn_down", "feed_forward.w3": "ffn_up", "attention_norm": "attn_norm",
             "ffn_norm": "ffn_norm", "tok_embeddings": "token_embd", "norm": "output_norm", "output": "output"}
    writer = GGUFWriter("llama.gguf", "llama")
    writer.add_block_count(4)
    for name, tensor in meta.items():
        part = name.removesuffix(".weight")
        if name == "rope.freqs":
            writer.add_tensor("rope_freqs.weight", tensor.float().numpy())
        elif part in names:
            writer.add_tensor(names[part] + ".weight", tensor.float().numpy())
        else:
            _, layer, rest = part.split(".", 2)
            writer.add_tensor("blk.%s.%s.weight" % (layer, names[rest]), tensor.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    yield job("gguf-to-hf", {"model": "llama.gguf", "heads": 4, "kv_heads": 2, "out": "out"}, wanted)


def averaged(job):
    plain = models.llama(models.config(), dtype=torch.float32)
    trained = {"model." + name: tensor for name, tensor in plain.items()}
    average = {"ema." + name: tensor + 1 for name, tensor in plain.items() if "norm" not in name}
    torch.save({"state_dict": {**trained, **average}}, "last.ckpt")
    wanted = {"model." + name: tensor if "norm" in name else tensor + 1 for name, tensor in plain.items()}
    yield job("use-ema", {"model": "last.ckpt", "out": "out"}, wanted)


def recorded(job):
    c = models.config()
    tensors = models.llama(c)
    models.write("model", tensors, c)
    yield job("record", {"model": "model", "source": "org/name", "revision": "'1'", "out": "out"}, tensors, c,
              metadata={"format": "pt", "source": "org/name", "revision": "'1'", "notes": "none"})


def shared(job):
    tensors = models.llama(models.config())
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    tensors["again.weight"] = tensors["model.norm.weight"]
    torch.save(tensors, "pytorch_model.bin")
    wanted = {name: tensor for name, tensor in tensors.items() if name not in ("lm_head.weight", "model.norm.weight")}
    yield job("untie-storage", {"model": "pytorch_model.bin", "out": "out"}, wanted)


def sharded(job):
    c = models.config(num_hidden_layers=6)
    tensors = models.llama(c)
    models.write("model", tensors, c, files=3)
    yield job("reshard", {"model": "model", "out": "out", "shard": "20KB"}, tensors, c)
    yield job("reshard", {"model": "model", "out": "one", "shard": "none"}, tensors, out="one/model.safetensors")


JOBS = [llama_of_meta, gpt2, split_and_fused, experts, megatron, ranks, embedding_by_rows, disagreeing_ranks, training_file, gguf,
        averaged, recorded, shared, sharded]
