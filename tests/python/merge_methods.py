"""The methods of the step `merge` in float64, from their formulas: what check_merge_methods.py holds the program against."""
import numpy as np


def name_hash(name):
    """FNV-1a with 64 bits, begun as the program begins it."""
    prime, mask = 0x100000001B3, (1 << 64) - 1
    value = (0xCBF29CE484222325 * prime) & mask
    for byte in name.encode():
        value = ((value ^ byte) * prime) & mask
    return value


def philox(counters, seed, model, key):
    """Philox4x32-10 of many counters: [n, 4] words. The words of its key are the seed and the model's place."""
    mask = np.uint64(0xFFFFFFFF)
    words = [counters & mask, counters >> np.uint64(32), np.full_like(counters, key & 0xFFFFFFFF), np.full_like(counters, key >> 32)]
    k0, k1 = seed, model
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * words[0], np.uint64(0xCD9E8D57) * words[2]
        words = [(p1 >> np.uint64(32)) ^ words[1] ^ np.uint64(k0), p1 & mask, (p0 >> np.uint64(32)) ^ words[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(words, axis=1)


def fractions(shape, seed, model, name):
    """The random number of each element: the upper 24 bits of word i % 4 of the counter i // 4, over 2**24."""
    count = int(np.prod(shape))
    counters = np.arange((count + 3) // 4, dtype=np.uint64)
    words = philox(counters, seed, model, name_hash(name)).reshape(-1)[:count]
    return ((words >> np.uint64(8)).astype(np.float64) / 2**24).reshape(shape)


# --- task vectors

def combined(base, deltas, weights, lam=1.0, normalize=False, elect=False):
    terms = [w * d for w, d in zip(weights, deltas)]
    mixed = sum(terms)
    if elect:
        sign = np.where(mixed >= 0, 1.0, -1.0)
        agree = [np.sign(t) == sign for t in terms]
        mixed = sum(np.where(a, t, 0) for a, t in zip(agree, terms))
        divisor = sum(np.where(a, w, 0) for a, w in zip(agree, weights))
        divisor = np.where(divisor == 0, 1, divisor)
    else:
        divisor = sum(weights)
    return base + lam * (mixed / divisor if normalize else mixed)


def rescaled(delta, kept, density, rescale):
    if rescale == "density":
        return kept / density
    if rescale == "l1":
        return kept * np.abs(delta).sum() / np.abs(kept).sum()
    return kept


def reach(delta, k):
    return np.sort(np.abs(delta), axis=None)[::-1][k - 1]


def top(delta, density, rescale):
    if density >= 1:
        return delta
    k = max(1, int(np.floor(density * delta.size)))
    return rescaled(delta, np.where(np.abs(delta) >= reach(delta, k), delta, 0), density, rescale)


def linear(models, weights, normalize=True):
    return sum(w * x for w, x in zip(weights, models)) / (sum(weights) if normalize else 1)


def task_arithmetic(base, models, weights, **options):
    return combined(base, [x - base for x in models], weights, **options)


def ties(base, models, weights, densities, rescale="none", **options):
    kept = [top(x - base, d, rescale) for x, d in zip(models, densities)]
    return combined(base, kept, weights, elect=True, **options)


def dare(base, models, weights, densities, seed, name, rescale="density", **options):
    kept = []
    for place, (x, density) in enumerate(zip(models, densities)):
        drawn = fractions(base.shape, seed, place, name) < np.float64(np.float32(density))
        kept.append(rescaled(x - base, np.where(drawn, x - base, 0), density, rescale))
    return combined(base, kept, weights, **options)


def ranks(delta):
    rows = np.abs(delta).reshape(1 if delta.ndim < 2 else delta.shape[0], -1)
    order = np.argsort(rows, axis=1, kind="stable")
    result = np.empty_like(order)
    np.put_along_axis(result, order, np.arange(rows.shape[1])[None, :], axis=1)
    return result.reshape(delta.shape), rows.shape[1]


def probabilities(rank, count, density, epsilon):
    """In float32, which choices depend on."""
    if count == 1:
        return np.full(rank.shape, np.float32(density), dtype=np.float64)
    step = np.float32(2 * epsilon / (count - 1))
    return (rank.astype(np.float32) * step + np.float32(density - epsilon)).astype(np.float64)


def della(base, models, weights, densities, epsilon, seed, name, rescale="density", **options):
    kept = []
    for place, (x, density) in enumerate(zip(models, densities)):
        rank, count = ranks(x - base)
        p = probabilities(rank, count, density, epsilon)
        drawn = fractions(base.shape, seed, place, name) < p
        chosen = np.where(drawn, x - base, 0)
        kept.append(chosen / p if rescale == "density" else rescaled(x - base, chosen, density, rescale))
    return combined(base, kept, weights, **options)


def breadcrumbs(base, models, weights, densities, gamma, rescale="none", **options):
    kept = []
    for x, density in zip(models, densities):
        delta = x - base
        if density < 1:
            keep, above = int(np.floor(density * delta.size)), int(np.floor(gamma * delta.size))
            below = max(0, delta.size - keep - above)
            ascending = np.sort(np.abs(delta), axis=None)
            inside = (np.abs(delta) >= ascending[below]) & (np.abs(delta) <= ascending[below + keep - 1])
            delta = rescaled(delta, np.where(inside, delta, 0), density, rescale)
        kept.append(delta)
    return combined(base, kept, weights, **options)


# --- spheres

def arc(a, b, t, cosine, collinear):
    if collinear:
        return (1 - t) * a + t * b
    angle = np.arccos(cosine)
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def slerp(base, other, t):
    cosine = np.clip((base * other).sum() / (np.linalg.norm(base) * np.linalg.norm(other)), -1, 1)
    return arc(base, other, t, cosine, abs(cosine) > 0.9995)


def nuslerp(a, b, weights, base=None, axis=None):
    if base is not None:
        return base + nuslerp(a - base, b - base, weights, axis=axis)
    t = weights[1] / sum(weights)
    if axis is None:
        cosine = np.clip((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1)
        return arc(a, b, t, cosine, 1 - cosine**2 <= 1e-16)
    result = np.empty_like(a)
    rows_a, rows_b, out = (np.moveaxis(x, axis, -1) for x in (a, b, result))
    for place in np.ndindex(rows_a.shape[:-1]):
        out[place] = nuslerp(rows_a[place], rows_b[place], weights)
    return result


def multislerp(models, weights, base=None):
    if base is not None:
        return base + multislerp([x - base for x in models], weights)
    weights = np.array(weights) / sum(weights)
    norms = [np.linalg.norm(x) for x in models]
    mean = sum(w * x / (n + 1e-8) for w, x, n in zip(weights, models, norms))
    return mean / np.linalg.norm(mean) * sum(w * n for w, n in zip(weights, norms))


def karcher(models, max_iter=10, tol=1e-5):
    norms = [np.linalg.norm(x) for x in models]
    units = [x / n for x, n in zip(models, norms)]
    share = 1 / len(models)
    mean = sum(share * u for u in units)
    mean /= np.linalg.norm(mean)
    for _ in range(max_iter):
        step = np.zeros_like(mean)
        for unit in units:
            cosine = np.clip((mean * unit).sum(), -1, 1)
            angle = np.arccos(cosine)
            if angle >= tol:
                step += share * angle / np.sin(angle) * (unit - cosine * mean)
        size = np.linalg.norm(step)
        if size < tol:
            break
        mean = np.cos(size) * mean + np.sin(size) / size * step
        mean /= np.linalg.norm(mean)
    return mean * share * sum(norms)


def model_stock(base, models, filter_wise=False):
    if filter_wise and base.ndim > 1:
        rows = [model_stock(b, list(xs)) for b, *xs in zip(base.reshape(-1, base.shape[-1]), *(x.reshape(-1, x.shape[-1]) for x in models))]
        return np.stack(rows).reshape(base.shape)
    deltas, n = [x - base for x in models], len(models)
    cosines = [(a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)) for i, a in enumerate(deltas) for b in deltas[i + 1:]]
    cosine = np.mean(cosines)
    t = n * cosine / (1 + (n - 1) * cosine)
    return t * sum(models) / n + (1 - t) * base


# --- others

def nearswap(base, other, t):
    share = np.clip(t / np.maximum(np.abs(base - other), 1e-6), 0, 1)
    return share * other + (1 - share) * base


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def arcee_fusion(base, other):
    p, q = softmax(other) + 1e-8, softmax(base) + 1e-8
    importance = np.abs(other - base) * (p * np.log(p / q)).sum(axis=-1, keepdims=True)
    ascending = np.sort(importance, axis=None)
    at = [ascending[int(np.floor(share * (importance.size - 1)))] for share in (0.25, 0.5, 0.75)]
    return base + np.where(importance >= at[1] + 1.5 * (at[2] - at[0]), other - base, 0)


def ram(base, models, epsilon, r=None, alpha=None):
    changed = [np.abs(x - base) > epsilon for x in models]
    deltas = [np.where(c, x - base, 0) for c, x in zip(changed, models)]
    count = sum(c.astype(int) for c in changed)
    factors = [1.0] * len(models)
    if r is not None:
        for i, c in enumerate(changed):
            shared, unique = (c & (count > 1)).sum(), (c & (count == 1)).sum()
            factors[i] = 1 + r * np.clip(shared / max(unique, epsilon), 0, alpha)
    terms = [np.where(count > 1, d, f * d) for d, f in zip(deltas, factors)]
    return base + sum(terms) / np.maximum(count, 1)


def sce(base, models, select_topk=1.0):
    deltas = np.stack([x - base for x in models])
    if select_topk < 1:
        variance = deltas.var(axis=0)
        k = int(np.floor(select_topk * np.count_nonzero(variance)))
        deltas = np.where(variance >= reach(variance, k), deltas, 0) if k else np.zeros_like(deltas)
    sign = np.where(deltas.sum(axis=0) >= 0, 1.0, -1.0)
    weights = (deltas**2).mean(axis=tuple(range(1, deltas.ndim)))
    weights = weights / weights.sum() if weights.sum() else np.full(len(models), 1 / len(models))
    weighted = np.where(np.sign(deltas) == sign, weights.reshape(-1, *[1] * base.ndim), 0)
    divisor = weighted.sum(axis=0)
    return base + (weighted * deltas).sum(axis=0) / np.where(divisor == 0, 1, divisor)


def consensus(base, models, weights, tall, votes):
    deltas = [x - base for x in models]
    total = sum(w * d for w, d in zip(weights, deltas))
    count = sum((np.abs(d) >= tall * np.abs(total - d)).astype(int) for d in deltas)
    return base + np.where(count >= votes, total, 0)


def fisher(models, weights, importances):
    return sum(w * f * x for w, f, x in zip(weights, importances, models)) / sum(w * f for w, f in zip(weights, importances))


# --- singular directions

def iso_c(base, models, weights, lam):
    total = sum(w * (x - base) for w, x in zip(weights, models))
    if base.ndim < 2:
        return base + lam * total / len(models)
    u, s, v = np.linalg.svd(total.reshape(base.shape[0], -1), full_matrices=False)
    return base + lam * (s.mean() * u @ v).reshape(base.shape)


def orthogonal(matrix):
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    return u @ v


def tsv_m(base, models, weights, lam):
    deltas = [w * (x - base) for w, x in zip(weights, models)]
    if base.ndim < 2:
        return base + lam * sum(deltas) / len(models)
    parts = [np.linalg.svd(d.reshape(base.shape[0], -1), full_matrices=False) for d in deltas]
    rank = max(1, len(parts[0][1]) // len(models))
    u, s, v = (np.concatenate([p[i][:, :rank] if i == 0 else p[i][:rank] for p in parts], axis=1 if i == 0 else 0) for i in range(3))
    return base + lam * ((orthogonal(u) * s) @ orthogonal(v)).reshape(base.shape)
