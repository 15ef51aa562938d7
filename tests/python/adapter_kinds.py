"""Random adapters of every kind with what merging them gives, computed in float64 from the papers' formulas.

LoRA: Hu et al., arXiv 2106.09685; rsLoRA: Kalajdzievski, arXiv 2312.03732; DoRA: Liu et al., arXiv 2402.09353; LoHa:
Hyeon-Woo et al., arXiv 2108.06098; LoKr: Yeh et al., arXiv 2309.14859.
"""
import dataclasses
import json
import math

import torch

PEFT = "base_model.model."


@dataclasses.dataclass
class Adapter:
    tensors: dict
    config: dict = None
    weight: float = 1.0
    keys: str = ""  # further ones of its entry
    metadata: dict = None  # of the file


@dataclasses.dataclass
class Kind:
    name: str
    base: dict
    adapters: list
    expected: dict


class Maker:
    """Draws tensors: each kind from a seed of its own, so that kinds do not depend on their order."""

    def __init__(self, name, dtype=torch.float32):
        self.name, self.dtype = name, dtype
        self.random = torch.Generator().manual_seed(sum(map(ord, name)))

    def draw(self, *shape, dtype=torch.float32):
        return torch.randn(*shape, generator=self.random, dtype=torch.float64).mul(0.3).to(dtype)

    def weight(self, *shape):
        return self.draw(*shape, dtype=self.dtype)

    def kind(self, base, adapters, changed):
        expected = {name: tensor.clone() for name, tensor in base.items()}
        expected.update({name: tensor.to(base[name].dtype if name in base else tensor.dtype) for name, tensor in changed.items()})
        return Kind(self.name, base, adapters, expected)


def lora_config(r=4, alpha=8, **more):
    return {"peft_type": "LORA", "r": r, "lora_alpha": alpha, **more}


def dora(weight, delta, magnitude, axis):
    """`axis`: of the outputs."""
    moved = weight + delta
    axes = [i for i in range(moved.dim()) if i != axis]
    shape = [-1 if i == axis else 1 for i in range(moved.dim())]
    return moved * magnitude.double().reshape(shape) / moved.square().sum(dim=axes, keepdim=True).sqrt()


def conv_product(a, b, groups=1):
    """dW[o, i] = sum over k of B[o, k] A[k, i], within each group."""
    a, b = a.double(), b.double()
    parts = [torch.einsum("ok,kixy->oixy", bo.flatten(1), ak)
             for ak, bo in zip(a.chunk(groups), b.chunk(groups))]
    return torch.cat(parts)


def tucker(core, left, right):
    return torch.einsum("ijkl,ip,jr->prkl", core.double(), left.double(), right.double())


def linear_kinds():
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        m = Maker("linear %s" % dtype, dtype)
        w, a, b = m.weight(10, 6), m.draw(4, 6), m.draw(10, 4)
        yield m.kind({"x.q.weight": w, "x.norm.weight": m.weight(6)},
                     [Adapter({PEFT + "x.q.lora_A.weight": a, PEFT + "x.q.lora_B.weight": b}, lora_config(4, 8))],
                     {"x.q.weight": w.double() + 2 * b.double() @ a.double()})
    m = Maker("rank and alpha patterns, rslora, adapter names", torch.float32)
    base, tensors, changed = {}, {}, {}
    for module, r, alpha in (("h.0.q", 2, 3), ("h.1.q", 2, 3), ("h.1.down", 4, 16), ("h.11.down", 4, 8)):
        w, a, b = m.weight(7, 5), m.draw(r, 5), m.draw(7, r)
        base[module + ".weight"] = w
        tensors.update({PEFT + module + ".lora_A.default.weight": a, PEFT + module + ".lora_B.default.weight": b})
        changed[module + ".weight"] = w.double() + alpha / math.sqrt(r) * b.double() @ a.double()
    yield m.kind(base, [Adapter(tensors, lora_config(4, 8, use_rslora=True, rank_pattern={"q": 2},
                                                     alpha_pattern={"q": 3, "h.1.down": 16}))], changed)
    m = Maker("weights, one negative")
    w = m.weight(9, 5)
    factors = [(m.draw(r, 5), m.draw(9, r)) for r in (2, 3)]
    yield m.kind({"x.weight": w},
                 [Adapter({PEFT + "x.lora_A.weight": a, PEFT + "x.lora_B.weight": b}, lora_config(a.shape[0], 6), weight)
                  for (a, b), weight in zip(factors, (0.7, -0.4))],
                 {"x.weight": w.double() + sum(weight * 6 / a.shape[0] * b.double() @ a.double()
                                               for (a, b), weight in zip(factors, (0.7, -0.4)))})
    m = Maker("fan_in_fan_out with a bias")
    w, bias, a, b, c = m.weight(6, 10), m.weight(10), m.draw(3, 6), m.draw(10, 3), m.draw(10)
    yield m.kind({"c.weight": w, "c.bias": bias},
                 [Adapter({PEFT + "c.lora_A.weight": a, PEFT + "c.lora_B.weight": b, PEFT + "c.lora_B.bias": c},
                          lora_config(3, 6, fan_in_fan_out=True, lora_bias=True))],
                 {"c.weight": w.double() + 2 * (b.double() @ a.double()).T, "c.bias": bias.double() + 2 * c.double()})
    m = Maker("another shell, chosen modules")
    w, a, b = m.weight(8, 6), m.draw(4, 6), m.draw(8, 4)
    other = m.draw(4, 6), m.draw(8, 4)
    yield m.kind({"language_model.model.layers.0.q.weight": w},
                 [Adapter({PEFT + "model.layers.0.q.lora_A.weight": a, PEFT + "model.layers.0.q.lora_B.weight": b,
                           PEFT + "model.layers.1.q.lora_A.weight": other[0], PEFT + "model.layers.1.q.lora_B.weight": other[1]},
                          lora_config(4, 4), 1.0, ", only: 'model\\.layers\\.0\\..*'")],
                 {"language_model.model.layers.0.q.weight": w.double() + b.double() @ a.double()})
    m = Maker("modules to save, also of another shape and new ones")
    base = {"x.weight": m.weight(6, 4), "head.weight": m.weight(5, 4)}
    saved = {"x.weight": m.draw(6, 4), "head.weight": m.draw(7, 4), "score.weight": m.draw(2, 4)}
    yield m.kind(base, [Adapter({PEFT + "x.weight": saved["x.weight"],
                                 PEFT + "head.modules_to_save.default.weight": saved["head.weight"],
                                 PEFT + "score.modules_to_save.weight": saved["score.weight"]},
                                lora_config(2, 2, modules_to_save=["head", "score"]))], saved)
    m = Maker("a module in part")
    w, saved = m.weight(6, 4), m.draw(6, 4)
    yield m.kind({"x.weight": w}, [Adapter({PEFT + "x.weight": saved}, lora_config(2, 2), 0.25)],
                 {"x.weight": w.double() + 0.25 * (saved.double() - w.double())})


def dora_kinds():
    for name, shape, more, axis in (("linear", (9, 6), {}, 0), ("turned", (6, 9), {"fan_in_fan_out": True}, 1)):
        for weight in (1.0, 0.6):
            m = Maker("dora %s %g" % (name, weight))
            w, a, b, size = m.weight(*shape), m.draw(3, 6), m.draw(9, 3), m.draw(9).abs()
            delta = 2 * b.double() @ a.double()
            whole = dora(w.double(), delta if axis == 0 else delta.T, size, axis)
            yield m.kind({"x.weight": w},
                         [Adapter({PEFT + "x.lora_A.weight": a, PEFT + "x.lora_B.weight": b,
                                   PEFT + "x.lora_magnitude_vector.weight": size}, lora_config(3, 6, use_dora=True, **more), weight)],
                         {"x.weight": w.double() + weight * (whole - w.double())})
    m = Maker("dora embedding")
    w, a, b, size = m.weight(12, 5), m.draw(2, 12), m.draw(5, 2), m.draw(5).abs()
    yield m.kind({"e.weight": w},
                 [Adapter({PEFT + "e.lora_embedding_A": a, PEFT + "e.lora_embedding_B": b, PEFT + "e.lora_magnitude_vector": size},
                          lora_config(2, 4, use_dora=True))],
                 {"e.weight": dora(w.double(), 2 * (b.double() @ a.double()).T, size, 1)})
    m = Maker("dora and lora together")
    w, a, b, size = m.weight(8, 6), m.draw(2, 6), m.draw(8, 2), m.draw(8).abs()
    c, d = m.draw(3, 6), m.draw(8, 3)
    whole = dora(w.double(), b.double() @ a.double(), size, 0)
    yield m.kind({"x.weight": w},
                 [Adapter({PEFT + "x.lora_A.weight": a, PEFT + "x.lora_B.weight": b, PEFT + "x.lora_magnitude_vector": size},
                          lora_config(2, 2, use_dora=True)),
                  Adapter({PEFT + "x.lora_A.weight": c, PEFT + "x.lora_B.weight": d}, lora_config(3, 3), 0.5)],
                 {"x.weight": whole + 0.5 * d.double() @ c.double()})


def convolution_kinds():
    for kernel, groups in ((1, 1), (3, 1), (3, 2)):
        for with_dora in (False, True):
            m = Maker("convolution %d groups %d dora %s" % (kernel, groups, with_dora))
            w, a = m.weight(8, 6 // groups, kernel, kernel), m.draw(4, 6 // groups, kernel, kernel)
            b, size = m.draw(8, 4 // groups, 1, 1), m.draw(1, 8, 1, 1).abs()
            delta = 0.5 * conv_product(a, b, groups)
            tensors = {PEFT + "c.lora_A.weight": a, PEFT + "c.lora_B.weight": b}
            if with_dora:
                tensors[PEFT + "c.lora_magnitude_vector"] = size
            yield m.kind({"c.weight": w}, [Adapter(tensors, lora_config(4, 2))],
                         {"c.weight": dora(w.double(), delta, size, 0) if with_dora else w.double() + delta})
    m = Maker("kohya, linear and convolutions")
    base = {"mid.attn.q.weight": m.weight(8, 6), "mid.conv.weight": m.weight(8, 6, 3, 3), "mid.proj_in.weight": m.weight(8, 6, 1, 1)}
    down, up, alpha = m.draw(4, 6), m.draw(8, 4), torch.tensor(2.0)
    c_down, c_up, core = m.draw(3, 6, 1, 1), m.draw(8, 4, 1, 1), m.draw(4, 3, 3, 3)
    p_down, p_up = m.draw(2, 6, 1, 1), m.draw(8, 2, 1, 1)
    yield m.kind(base,
                 [Adapter({"lora_unet_mid_attn_q.lora_down.weight": down, "lora_unet_mid_attn_q.lora_up.weight": up,
                           "lora_unet_mid_attn_q.alpha": alpha,
                           "lora_unet_mid_conv.lora_down.weight": c_down, "lora_unet_mid_conv.lora_up.weight": c_up,
                           "lora_unet_mid_conv.lora_mid.weight": core,
                           "lora_unet_mid_proj_in.lora_down.weight": p_down, "lora_unet_mid_proj_in.lora_up.weight": p_up})],
                 {"mid.attn.q.weight": base["mid.attn.q.weight"].double() + 0.5 * up.double() @ down.double(),
                  "mid.conv.weight": base["mid.conv.weight"].double() +
                  torch.einsum("oa,abxy,bi->oixy", c_up.double()[:, :, 0, 0], core.double(), c_down.double()[:, :, 0, 0]),
                  "mid.proj_in.weight": base["mid.proj_in.weight"].double() + conv_product(p_down, p_up)})
    m = Maker("diffusers spellings")
    base = {"attn1.to_q.weight": m.weight(8, 6), "attn1.to_out.0.weight": m.weight(6, 8), "ff.weight": m.weight(5, 6)}
    pairs = {name: (m.draw(2, w.shape[1]), m.draw(w.shape[0], 2)) for name, w in base.items()}
    spell = {"attn1.to_q.weight": ("unet.attn1.processor.to_q_lora.down.weight", "unet.attn1.processor.to_q_lora.up.weight"),
             "attn1.to_out.0.weight": ("unet.attn1.processor.to_out_lora.down.weight", "unet.attn1.processor.to_out_lora.up.weight"),
             "ff.weight": ("unet.ff.lora.down.weight", "unet.ff.lora.up.weight")}
    yield m.kind(base, [Adapter({spell[name][i]: pairs[name][i] for name in base for i in (0, 1)})],
                 {name: w.double() + pairs[name][1].double() @ pairs[name][0].double() for name, w in base.items()})


def metadata_kinds():
    settings = {"unet.r": 2, "unet.lora_alpha": 6, "text_encoder.r": 2, "text_encoder.lora_alpha": 6}
    for name, keys, scale, more in (("said there", "", 3, {}), ("given", ", alpha: 4", 2, {"text_encoder.r": 4})):
        m = Maker("diffusers metadata, alpha " + name)
        w, a, b = m.weight(8, 6), m.draw(2, 6), m.draw(8, 2)
        yield m.kind({"attn1.to_q.weight": w},
                     [Adapter({"unet.attn1.to_q.lora_A.weight": a, "unet.attn1.to_q.lora_B.weight": b,
                               "text_encoder.fc.lora_A.weight": a.clone(), "text_encoder.fc.lora_B.weight": b.clone()},
                              None, 1.0, ", only: 'unet.*'" + keys, {"lora_adapter_metadata": json.dumps({**settings, **more})})],
                     {"attn1.to_q.weight": w.double() + scale * b.double() @ a.double()})


def large_kinds():
    """Of more than one block of rows."""
    for with_dora in (False, True):
        m = Maker("large, dora %s" % with_dora, torch.bfloat16)
        w, a, b, size = m.weight(2900, 2000), m.draw(4, 2000), m.draw(2900, 4), m.draw(2900).abs()
        tensors = {PEFT + "x.lora_A.weight": a, PEFT + "x.lora_B.weight": b}
        if with_dora:
            tensors[PEFT + "x.lora_magnitude_vector"] = size
        delta = b.double() @ a.double()
        yield m.kind({"x.weight": w}, [Adapter(tensors, lora_config(4, 4))],
                     {"x.weight": dora(w.double(), delta, size, 0) if with_dora else w.double() + delta})


def expert_kinds():
    for name, turned in (("out in", False), ("in out", True)):
        m = Maker("experts " + name)
        experts, r, inner, outer = 3, 2, 5, 8
        w = m.weight(experts, inner, outer) if turned else m.weight(experts, outer, inner)
        a, b = m.draw(experts * r, inner), m.draw(outer, r * experts)
        delta = torch.einsum("ore,eri->eoi", b.double().reshape(outer, r, experts), a.double().reshape(experts, r, inner))
        yield m.kind({"mlp.experts.up_proj": w, "mlp.gate.weight": m.weight(experts, inner)},
                     [Adapter({PEFT + "mlp.experts.lora_A.weight": a, PEFT + "mlp.experts.lora_B.weight": b},
                              lora_config(r, 6, target_parameters=["mlp.experts.up_proj"]))],
                     {"mlp.experts.up_proj": w.double() + 3 * (delta.transpose(1, 2) if turned else delta)})
    m = Maker("two parameters of one module")
    up, down = m.weight(2, 10, 6), m.weight(2, 6, 5)
    a, b, c, d = m.draw(4, 6), m.draw(10, 4), m.draw(4, 5), m.draw(6, 4)

    def delta(left, right):
        return torch.einsum("ore,eri->eoi", left.double().reshape(-1, 2, 2), right.double().reshape(2, 2, -1))
    yield m.kind({"e.gate_up_proj": up, "e.down_proj": down},
                 [Adapter({PEFT + "e.base_layer.lora_A.weight": a, PEFT + "e.base_layer.lora_B.weight": b,
                           PEFT + "e.lora_A.weight": c, PEFT + "e.lora_B.weight": d}, lora_config(2, 2))],
                 {"e.gate_up_proj": up.double() + delta(b, a), "e.down_proj": down.double() + delta(d, c)})


def product_kinds():
    def hadamard(parts):
        return (parts[0].double() @ parts[1].double()) * (parts[2].double() @ parts[3].double())
    names = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"]
    m = Maker("loha linear")
    w, parts = m.weight(8, 6), [m.draw(8, 3), m.draw(3, 6), m.draw(8, 3), m.draw(3, 6)]
    yield m.kind({"x.weight": w}, [Adapter({PEFT + "x." + n: p for n, p in zip(names, parts)}, {"peft_type": "LOHA", "r": 3, "alpha": 6})],
                 {"x.weight": w.double() + 2 * hadamard(parts)})
    m = Maker("loha convolution, flat and with cores")
    w, parts = m.weight(8, 6, 3, 3), [m.draw(8, 3), m.draw(3, 54), m.draw(8, 3), m.draw(3, 54)]
    v, cores = m.weight(8, 6, 3, 3), [m.draw(3, 8), m.draw(3, 6), m.draw(3, 8), m.draw(3, 6), m.draw(3, 3, 3, 3), m.draw(3, 3, 3, 3)]
    yield m.kind({"x.weight": w, "y.weight": v},
                 [Adapter({**{"lycoris_x." + n: p for n, p in zip(names, parts)}, "lycoris_x.alpha": torch.tensor([1.5]),
                           **{"lycoris_y." + n: p for n, p in zip(names + ["hada_t1", "hada_t2"], cores)}})],
                 {"x.weight": w.double() + 0.5 * hadamard(parts).reshape(w.shape),
                  "y.weight": v.double() + tucker(cores[4], cores[0], cores[1]) * tucker(cores[5], cores[2], cores[3])})
    m = Maker("lokr of every form")
    tensors, base, changed = {}, {}, {}
    first = {"full": {"lokr_w1": m.draw(2, 3)}, "low": {"lokr_w1_a": m.draw(2, 2), "lokr_w1_b": m.draw(2, 3)}}
    second = {"full": {"lokr_w2": m.draw(4, 5)}, "low": {"lokr_w2_a": m.draw(4, 2), "lokr_w2_b": m.draw(2, 5)}}
    for one, x in first.items():
        for two, y in second.items():
            module = "%s_%s" % (one, two)
            base[module + ".weight"] = w = m.weight(8, 15)
            tensors.update({PEFT + module + "." + n: p for n, p in {**x, **y}.items()})
            whole = [p[0] if len(p) == 1 else p[0] @ p[1] for p in ([t.double() for t in x.values()], [t.double() for t in y.values()])]
            changed[module + ".weight"] = w.double() + 2.5 * torch.kron(*whole)
    yield m.kind(base, [Adapter(tensors, {"peft_type": "LOKR", "r": 2, "alpha": 5})], changed)
    m = Maker("lokr convolution")
    w, v, x = m.weight(8, 6, 3, 3), m.weight(8, 6, 3, 3), m.draw(2, 3)
    y, core, left, right = m.draw(4, 2, 3, 3), m.draw(2, 2, 3, 3), m.draw(2, 4), m.draw(2, 2)

    def kron(one, two):
        return torch.kron(one.double()[:, :, None, None], two.double().contiguous())
    yield m.kind({"x.weight": w, "y.weight": v},
                 [Adapter({PEFT + "x.lokr_w1": x, PEFT + "x.lokr_w2": y, PEFT + "y.lokr_w1": x, PEFT + "y.lokr_t2": core,
                           PEFT + "y.lokr_w2_a": left, PEFT + "y.lokr_w2_b": right}, {"peft_type": "LOKR", "r": 2, "alpha": 2})],
                 {"x.weight": w.double() + kron(x, y), "y.weight": v.double() + kron(x, tucker(core, left, right))})


def kinds():
    for family in (linear_kinds, dora_kinds, convolution_kinds, metadata_kinds, large_kinds, expert_kinds, product_kinds):
        yield from family()
