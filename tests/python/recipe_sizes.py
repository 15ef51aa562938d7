"""Jobs of check_recipes.py that change sizes: the vocabulary, layers, experts, units; 17 to 24 and 30."""
import json

import numpy as np
import torch

import recipe_models as models

TABLES = ("model.embed_tokens.weight", "lm_head.weight")


def vocabulary(job):
    c = models.config()
    tensors = models.llama(c)
    models.write("model", tensors, c)
    for name, rows, arguments in (("padded", 64, {}), ("more", 112, {"multiple": 16, "rows": 100})):
        wanted = dict(tensors)
        for table in TABLES:
            mean = tensors[table].double().mean(0, keepdim=True).bfloat16()
            wanted[table] = torch.cat([tensors[table], mean.expand(rows - 50, -1)])
        yield job("resize-vocabulary", {"model": "model", "out": name, **arguments}, wanted, {**c, "vocab_size": rows}, out=name)


def tied_vocabulary(job):
    c = models.config(model_type="qwen2", tie_word_embeddings=True)
    tensors = models.llama(c, biases=True)
    models.write("model", tensors, c)
    table = tensors[TABLES[0]]
    wanted = {**tensors, TABLES[0]: torch.cat([table, torch.zeros(14, 32, dtype=torch.bfloat16)])}
    yield job("resize-vocabulary", {"model": "model", "out": "out", "init": "zero"}, wanted, {**c, "vocab_size": 64})


def trimmed_vocabulary(job):
    c = models.config()
    tensors = models.llama(c)
    models.write("model", tensors, c)
    kept = np.array([49, 0, 7, 7, 12])
    np.save("kept_ids.npy", kept)
    wanted = {name: tensor[torch.from_numpy(kept)] if name in TABLES else tensor for name, tensor in tensors.items()}
    yield job("trim-vocabulary", {"model": "model", "kept": "kept_ids.npy", "out": "out"}, wanted, {**c, "vocab_size": 5})


def ties(job):
    c = models.config(model_type="qwen2", tie_word_embeddings=True)
    tied = models.llama(c, biases=True)
    untied = {**tied, "lm_head.weight": tied["model.embed_tokens.weight"]}
    models.write("tied", tied, c)
    models.write("untied", {name: tensor.clone() for name, tensor in untied.items()}, {**c, "tie_word_embeddings": False})
    models.write("other", {**tied, "lm_head.weight": tied["model.embed_tokens.weight"] * 2}, {**c, "tie_word_embeddings": False})
    yield job("untie", {"model": "tied", "out": "out"}, untied, {**c, "tie_word_embeddings": False})
    yield job("tie", {"model": "untied", "out": "again"}, tied, c, out="again")
    yield job("tie", {"model": "other", "out": "none"}, status=1, says="lm_head.weight")


def of_layers(tensors, order):
    """The model whose layer n is layer order[n]."""
    result = {name: tensor for name, tensor in tensors.items() if not name.startswith("model.layers.")}
    for n, i in enumerate(order):
        base = "model.layers.%d." % i
        result.update({"model.layers.%d.%s" % (n, name.removeprefix(base)): tensor for name, tensor in tensors.items()
                       if name.startswith(base)})
    return result


def depth(job):
    c = models.config(num_hidden_layers=12, layer_types=["kind %d" % i for i in range(12)])
    tensors = models.llama(c)
    models.write("model", tensors, c, files=2)

    def config(order):
        return {**c, "num_hidden_layers": len(order), "layer_types": [c["layer_types"][i] for i in order]}
    deep = [*range(8), *range(4, 12)]
    yield job("deepen", {"model": "model", "out": "deep", "order": "${[0..7, 4..11]}"}, of_layers(tensors, deep), config(deep), out="deep")
    yield job("deepen", {"model": "model", "out": "any", "order": "[11, 3, 3]"}, of_layers(tensors, [11, 3, 3]), config([11, 3, 3]), out="any")
    short = [0, 1, 2, 9, 10, 11]
    yield job("drop-layers", {"model": "model", "out": "short", "first": 3, "last": 8}, of_layers(tensors, short), config(short), out="short")
    end = list(range(10))
    yield job("drop-layers", {"model": "model", "out": "end", "first": 10, "last": 11}, of_layers(tensors, end), config(end), out="end")


def widths(job):
    tensors = {"2.dense.weight": torch.randn(12, 12), "2.dense.bias": torch.randn(12), "1.word_embedding_dimension": torch.tensor([12])}
    models.write("embedder", tensors, {"model_type": "x"})
    wanted = {name: tensor[:8] if "dense" in name else tensor for name, tensor in tensors.items()}
    yield job("narrow", {"model": "embedder", "out": "narrow", "size": 8}, wanted, {"model_type": "x"}, out="narrow")
    c = models.config(num_hidden_layers=11)
    tensors = models.llama(c)
    models.write("model", tensors, c)
    units = np.stack([np.random.RandomState(i).permutation(40)[:24] for i in range(11)])
    np.save("units.npy", units)
    wanted = {}
    for name, tensor in tensors.items():
        if ".mlp." in name:
            chosen = torch.from_numpy(units[int(name.split(".")[2])])
            tensor = tensor[:, chosen] if "down" in name else tensor[chosen]
        wanted[name] = tensor
    yield job("prune-ffn", {"model": "model", "units": "units.npy", "out": "out"}, wanted, {**c, "intermediate_size": 24})


def upcycled(job):
    c = models.config(num_hidden_layers=3)
    tensors = models.llama(c)
    models.write("model", tensors, c)
    wanted = {name: tensor for name, tensor in tensors.items() if ".mlp." not in name}
    for i in range(3):
        moe = "model.layers.%d.block_sparse_moe." % i
        for e in range(11):
            for old, new in (("gate", "w1"), ("down", "w2"), ("up", "w3")):
                wanted["%sexperts.%d.%s.weight" % (moe, e, new)] = tensors["model.layers.%d.mlp.%s_proj.weight" % (i, old)]
        wanted[moe + "gate.weight"] = models.Random(torch.bfloat16, (11, 32), 0.02)
    config = {**c, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 11, "num_experts_per_tok": 2}
    yield job("upcycle", {"model": "model", "out": "out", "experts": 11}, wanted, config)


def pruned_experts(job):
    c = models.config(model_type="mixtral", num_local_experts=12, num_experts_per_tok=2, num_hidden_layers=3)
    tensors = models.mixtral(c)
    models.write("model", tensors, c)
    keep = [[0, 3, 5], [11, 2, 7], [1, 2, 10]]
    with open("keep.json", "w", encoding="utf-8") as file:
        json.dump(keep, file)
    wanted = {name: tensor for name, tensor in tensors.items() if "block_sparse_moe" not in name}
    for i, experts in enumerate(keep):
        base = "model.layers.%d.block_sparse_moe." % i
        wanted[base + "gate.weight"] = tensors[base + "gate.weight"][experts]
        for n, e in enumerate(experts):
            for w in ("w1", "w2", "w3"):
                wanted["%sexperts.%d.%s.weight" % (base, n, w)] = tensors["%sexperts.%d.%s.weight" % (base, e, w)]
    yield job("prune-experts", {"model": "model", "keep": "keep.json", "out": "out"}, wanted, {**c, "num_local_experts": 3})


def vision(job):
    text = models.config(model_type="qwen2", architectures=["Qwen2ForCausalLM"])
    plain = models.llama(text, biases=True)
    tower = {"visual.patch_embed.proj.weight": models.weight(4, 4), "visual.blocks.0.attn.qkv.weight": models.weight(4, 4)}
    old = {**text, "model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"], "vision_config": {"depth": 1},
           "image_token_id": 49}
    models.write("old", {**plain, **tower}, old)
    new = {("model.language_model." + name.removeprefix("model.") if name.startswith("model.") else name): tensor
           for name, tensor in plain.items()}
    models.write("new", {**new, **{"model." + name: tensor for name, tensor in tower.items()}},
                 {"model_type": "qwen2_vl", "architectures": ["Qwen2VL"], "vision_config": {"depth": 1}, "text_config": text})
    llava = {"language_model." + name: tensor for name, tensor in plain.items()}
    models.write("llava", {**llava, "vision_tower.x.weight": models.weight(2), "multi_modal_projector.l.weight": models.weight(2)},
                 {"model_type": "llava", "architectures": ["Llava"], "vision_config": {"depth": 1}, "text_config": text})
    for folder in ("old", "new", "llava"):
        yield job("text-of-vision", {"model": folder, "out": "of_" + folder, "class": "Qwen2ForCausalLM", "type": "qwen2"}, plain,
                  text, out="of_" + folder)


JOBS = [vocabulary, tied_vocabulary, trimmed_vocabulary, ties, depth, widths, upcycled, pruned_experts, vision]
