#include "merging/combination_rules.h"

#include <cmath>

#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr one_if(Expr condition, DType dtype) { return cast(std::move(condition), dtype); }

// FNV-1a, of 64 bits.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Expr largest(const Expr& tensor, double density) {
  const auto count = static_cast<std::int64_t>(std::floor(density * static_cast<double>(element_count(tensor.shape()))));
  if (count == 0) return 0 * tensor;
  const Expr size = magnitude(tensor);
  const Expr least = reduce(reducer("kth_largest"), {size}, {}, false, {.numbers = {static_cast<double>(count)}});
  return tensor * one_if(map(operation("less_equal"), {least, size}), tensor.dtype());
}

Expr some(const Expr& tensor, double density, const CounterSeed& seed) {
  const Expr draws = random({DType::F32, tensor.shape()}, nodes::Random::Distribution::uniform, 0, 1, seed);
  return (1 / density) * (tensor * one_if(less(draws, number(density, DType::F32)), tensor.dtype()));
}

Expr pruned(const Expr& tensor, const CombinationRule& rule, const std::string& label) {
  if (rule.pruning == Pruning::none || rule.density >= 1) return tensor;
  return rule.pruning == Pruning::magnitude ? largest(tensor, rule.density)
                                            : some(tensor, rule.density, {rule.seed, hash_of(label)});
}

Expr sign(const Expr& tensor) { return map(operation("sign"), {tensor}); }

}  // namespace

Expr combined(const std::vector<Expr>& tensors, const std::vector<double>& weights, const CombinationRule& rule,
              const std::string& label) {
  std::vector<Expr> kept, weighted;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    kept.push_back(pruned(tensors[i], rule, label + "#" + std::to_string(i)));
    weighted.push_back(weights[i] * kept.back());
  }
  if (rule.signs == SignElection::none) return sum(weighted);
  std::vector<Expr> votes;
  for (const Expr& tensor : kept) votes.push_back(rule.signs == SignElection::total ? tensor : sign(tensor));
  const DType dtype = tensors.front().dtype();
  const Expr elected = where(less(sum(votes), number(0, dtype)), number(-1, dtype), number(1, dtype));
  std::vector<Expr> agreeing, counts;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Expr agrees = one_if(map(operation("equal"), {sign(kept[i]), elected}), dtype);
    agreeing.push_back(weighted[i] * agrees);
    counts.push_back(agrees);
  }
  return map(operation("divide"), {sum(agreeing), map(operation("maximum"), {sum(counts), number(1, dtype)})});
}

}  // namespace brainsurgery::merging
