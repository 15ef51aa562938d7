"""Jobs of check_recipes.py for the conversions that transformers makes while it loads a model, and for guards of parameters."""
import numpy
import torch

import recipe_models as models
from recipe_models import norm, weight


def moe(c):
    tensors = models.frame(c, torch.bfloat16)
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d." % i
        tensors.update(models.attention(c, base, torch.bfloat16))
        tensors[base + "mlp.gate.weight"] = weight(c["num_experts"], c["hidden_size"])
        for e in range(c["num_experts"]):
            for name, shape in (("gate_proj", (24, c["hidden_size"])), ("up_proj", (24, c["hidden_size"])),
                                ("down_proj", (c["hidden_size"], 24))):
                tensors[base + "mlp.experts.%d.%s.weight" % (e, name)] = weight(*shape)
    return tensors


def packed(tensors, c):
    result = {name: tensor for name, tensor in tensors.items() if ".experts." not in name}
    for i in range(c["num_hidden_layers"]):
        base = "model.layers.%d.mlp.experts." % i
        part = {name: torch.stack([tensors[base + "%d.%s_proj.weight" % (e, name)] for e in range(c["num_experts"])])
                for name in ("gate", "up", "down")}
        result[base + "gate_up_proj"] = torch.cat([part["gate"], part["up"]], dim=1)
        result[base + "down_proj"] = part["down"]
    return result


def experts(job):
    c = models.config(num_hidden_layers=2, num_experts=12)
    tensors = moe(c)
    models.write("model", tensors, c)
    yield job("moe-to-packed", {"model": "model", "out": "packed"}, packed(tensors, c), c, out="packed")
    models.write("again", packed(tensors, c), c)
    yield job("moe-from-packed", {"model": "again", "out": "out"}, tensors, c)
    models.write("fp8", {**tensors, "model.layers.0.mlp.experts.0.up_proj.weight_scale_inv": weight(1, 1)}, c)
    yield job("moe-to-packed", {"model": "fp8", "out": "out"}, status=1, says="scale_inv")


def gpt_oss(job):
    hidden, inner, count = 16, 12, 3
    c = {"model_type": "gpt_oss", "num_hidden_layers": 2, "num_local_experts": count}
    tensors, wanted = {}, {}
    for i in range(2):
        base = "model.layers.%d.mlp.experts." % i
        gate_up, bias = weight(count, hidden, 2 * inner), weight(count, 2 * inner)
        down, down_bias = weight(count, inner, hidden), weight(count, hidden)
        tensors.update({base + "gate_up_proj": gate_up, base + "gate_up_proj_bias": bias, base + "down_proj": down,
                        base + "down_proj_bias": down_bias})
        for e in range(count):
            for first, name in ((0, "gate"), (1, "up")):
                wanted[base + "%d.%s_proj.weight" % (e, name)] = gate_up[e][:, first::2].T
                wanted[base + "%d.%s_proj.bias" % (e, name)] = bias[e][first::2]
            wanted[base + "%d.down_proj.weight" % e] = down[e].T
            wanted[base + "%d.down_proj.bias" % e] = down_bias[e]
    models.write("model", tensors, c)
    yield job("gpt-oss-split-experts", {"model": "model", "out": "out"}, wanted, c)


def renamed(tensors, *pairs):
    """Names with the first prefix that fits in the place of another."""
    result = {}
    for name, tensor in tensors.items():
        before, after = next(((b, a) for b, a in pairs if name.startswith(b)), ("", ""))
        result[after + name[len(before):]] = tensor
    return result


def nested(job):
    c = {"model_type": "llava", "text_config": {"num_hidden_layers": 4}}
    text = models.llama(models.config())
    llava = {"language_model." + name: tensor for name, tensor in text.items()}
    llava.update({"vision_tower.vision_model.post_layernorm.weight": norm(8), "multi_modal_projector.linear_1.bias": norm(8)})
    models.write("llava", llava, c)
    yield job("llava-nested", {"model": "llava", "out": "out"},
              renamed(llava, ("language_model.model.", "model.language_model."), ("language_model.lm_head.", "lm_head."),
                      ("vision_tower.", "model.vision_tower."), ("multi_modal_projector.", "model.multi_modal_projector.")), c)
    c = models.config(model_type="qwen2_vl")
    qwen = {**text, "visual.patch_embed.proj.weight": weight(4, 4)}
    models.write("qwen", qwen, c)
    wanted = renamed(qwen, ("model.", "model.language_model."), ("visual.", "model.visual."))
    yield job("qwen2-vl-nested", {"model": "qwen", "out": "out"}, wanted, c)
    models.write("new", wanted, c)
    yield job("qwen2-vl-nested", {"model": "new", "out": "out"}, status=1, says="language_model")


def names_of_old(job):
    c = {"model_type": "bert"}
    tensors = {"bert.embeddings.LayerNorm.gamma": norm(4), "bert.embeddings.LayerNorm.beta": norm(4),
               "bert.encoder.layer.0.output.dense.weight": weight(4, 4)}
    models.write("bert", tensors, c)
    yield job("bert-gamma-beta", {"model": "bert", "out": "out"},
              {name.replace("gamma", "weight").replace("beta", "bias"): tensor for name, tensor in tensors.items()}, c)
    c = {"model_type": "wav2vec2"}
    base = "wav2vec2.encoder.pos_conv_embed.conv."
    tensors = {base + "weight_g": weight(1, 1, 4), base + "weight_v": weight(4, 2, 4), base + "bias": norm(4)}
    models.write("wav2vec2", tensors, c)
    yield job("weight-norm-parametrized", {"model": "wav2vec2", "out": "out"},
              {base + "parametrizations.weight.original0": tensors[base + "weight_g"],
               base + "parametrizations.weight.original1": tensors[base + "weight_v"], base + "bias": tensors[base + "bias"]}, c)


def fused_by_head(job):
    heads, size, hidden = 4, 8, 32
    c = {"model_type": "gpt_neox", "num_attention_heads": heads, "hidden_size": hidden}
    tensors, wanted = {}, {}
    for i in range(2):
        base = "gpt_neox.layers.%d.attention." % i
        parts = {p: (weight(heads, size, hidden), weight(heads, size)) for p in "qkv"}
        for k, kind in enumerate(("weight", "bias")):
            tensors[base + "query_key_value." + kind] = torch.cat([parts[p][k][h] for h in range(heads) for p in "qkv"])
            wanted.update({base + "%s_proj.%s" % (p, kind): parts[p][k].flatten(0, 1) for p in "qkv"})
    models.write("neox", tensors, c)
    yield job("neox-split-qkv", {"model": "neox", "out": "out"}, wanted, c)
    for groups, new in ((1, False), (2, True)):
        c = {"model_type": "falcon", "num_attention_heads": heads, "num_kv_heads": groups if new else heads,
             "new_decoder_architecture": new, "multi_query": True}
        q, k, v = weight(heads, size, hidden), weight(groups, size, hidden), weight(groups, size, hidden)
        each = heads // groups
        rows = [part for g in range(groups) for part in (*q[g * each:(g + 1) * each], k[g], v[g])]
        base, folder = "transformer.h.0.self_attention.", "falcon%d" % groups
        models.write(folder, {base + "query_key_value.weight": torch.cat(rows)}, c)
        yield job("falcon-split-qkv", {"model": folder, "out": "out%d" % groups},
                  {base + "q_proj.weight": q.flatten(0, 1), base + "k_proj.weight": k.flatten(0, 1),
                   base + "v_proj.weight": v.flatten(0, 1)}, c, out="out%d" % groups)
    yield job("falcon-split-qkv", {"model": "falcon1", "groups": 3, "out": "out"}, status=1, says="3 groups do not divide 4 heads")


def vision(job):
    hidden, tensors, wanted = 8, {}, {}

    def put(before, after, *shape):
        tensors[before] = wanted[after] = weight(*shape)

    for i in range(2):
        old, new = "blocks.%d." % i, "vit.encoder.layer.%d." % i
        for kind, shape in (("weight", (hidden, hidden)), ("bias", (hidden,))):
            parts = [weight(*shape) for _ in range(3)]
            tensors[old + "attn.qkv." + kind] = torch.cat(parts)
            wanted.update({new + "attention.attention.%s.%s" % (p, kind): part for p, part in zip(("query", "key", "value"), parts)})
            for before, after in (("norm1", "layernorm_before"), ("norm2", "layernorm_after"), ("attn.proj", "attention.output.dense"),
                                  ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense")):
                put(old + "%s.%s" % (before, kind), new + "%s.%s" % (after, kind), *shape)
    put("cls_token", "vit.embeddings.cls_token", 1, 1, hidden)
    put("pos_embed", "vit.embeddings.position_embeddings", 1, 5, hidden)
    for kind in ("weight", "bias"):
        put("patch_embed.proj." + kind, "vit.embeddings.patch_embeddings.projection." + kind, hidden)
        put("norm." + kind, "vit.layernorm." + kind, hidden)
        put("head." + kind, "classifier." + kind, hidden)
    models.write("timm", tensors)
    yield job("vit-from-timm", {"model": "timm", "out": "out"}, wanted)


def clip(job):
    hidden, tensors, wanted = 8, {"logit_scale": weight(), "context_length": torch.tensor(77)}, {}
    wanted["logit_scale"] = tensors["logit_scale"]

    def put(before, after, *shape):
        tensors[before] = wanted[after] = weight(*shape)

    for tower, name in (("visual.transformer", "vision_model"), ("transformer", "text_model")):
        for i in range(2):
            old, new = "%s.resblocks.%d." % (tower, i), "%s.encoder.layers.%d." % (name, i)
            for kind, shape in (("weight", (hidden, hidden)), ("bias", (hidden,))):
                parts = [weight(*shape) for _ in range(3)]
                tensors[old + "attn.in_proj_" + kind] = torch.cat(parts)
                wanted.update({new + "self_attn.%s_proj.%s" % (p, kind): part for p, part in zip("qkv", parts)})
                for before, after in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("attn.out_proj", "self_attn.out_proj"),
                                      ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                    put(old + "%s.%s" % (before, kind), new + "%s.%s" % (after, kind), *shape)
    put("visual.class_embedding", "vision_model.embeddings.class_embedding", hidden)
    put("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight", 5, hidden)
    put("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight", hidden, 3, 2, 2)
    put("token_embedding.weight", "text_model.embeddings.token_embedding.weight", 9, hidden)
    put("positional_embedding", "text_model.embeddings.position_embedding.weight", 7, hidden)
    for kind in ("weight", "bias"):
        put("visual.ln_pre." + kind, "vision_model.pre_layrnorm." + kind, hidden)
        put("visual.ln_post." + kind, "vision_model.post_layernorm." + kind, hidden)
        put("ln_final." + kind, "text_model.final_layer_norm." + kind, hidden)
    for before, after in (("visual.proj", "visual_projection.weight"), ("text_projection", "text_projection.weight")):
        tensors[before] = weight(hidden, 6)
        wanted[after] = tensors[before].T
    models.write("clip", tensors)
    yield job("clip-from-openai", {"model": "clip", "out": "out"}, wanted)


def shared(job):
    table = weight(9, 4)
    tensors = {"shared.weight": table, "encoder.embed_tokens.weight": table.clone(), "decoder.embed_tokens.weight": table.clone(),
               "encoder.final_layer_norm.weight": norm(4)}
    models.write("t5", tensors)
    yield job("t5-shared", {"model": "t5", "out": "out"},
              {name: tensors[name] for name in ("shared.weight", "encoder.final_layer_norm.weight")})
    models.write("apart", {**tensors, "decoder.embed_tokens.weight": weight(9, 4)})
    yield job("t5-shared", {"model": "apart", "out": "out"}, status=1, says="decoder.embed_tokens.weight and")


def guards(job):
    """Parameters that would destroy a model say so."""
    c = models.config()
    models.write("model", models.llama(c), c)
    yield job("to-bf16", {"model": "model", "out": "out", "to": "int8"}, status=1, says="int8 would not keep weights")
    for first, last in ((2, 4), (3, 2), (0, 3), (-1, 1)):
        yield job("drop-layers", {"model": "model", "out": "out", "first": first, "last": last}, status=1,
                  says="layers %d to %d are not a part of the layers 0 to 3" % (first, last))
    yield job("resize-vocabulary", {"model": "model", "out": "out", "multiple": 0}, status=1, says="multiple is 0")
    numpy.save("none.npy", numpy.zeros(0, numpy.int64))
    numpy.save("table.npy", numpy.zeros((2, 2), numpy.int64))
    for name in ("none.npy", "table.npy"):
        yield job("trim-vocabulary", {"model": "model", "out": "out", "kept": name}, status=1, says="kept::")


JOBS = [experts, gpt_oss, nested, names_of_old, fused_by_head, vision, clip, shared, guards]
