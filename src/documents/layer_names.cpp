#include "documents/layer_names.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <unordered_set>

#include "base/interrupt.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kMaxDigits = 9;
constexpr std::size_t kMaxNodes = 64;  // that are looked at for one tensor

using LayerOfNode = std::unordered_map<const Node*, std::int64_t>;

// The layers that the nodes below an expression belong to.
std::set<std::int64_t> layers_below(const Expr& expr, const LayerOfNode& layers) {
  std::set<std::int64_t> found;
  std::vector<Expr> open{expr};
  std::unordered_set<const Node*> seen;
  while (!open.empty() && seen.size() < kMaxNodes) {
    const Expr next = open.back();
    open.pop_back();
    if (!seen.insert(next.get()).second) continue;
    if (const auto known = layers.find(next.get()); known != layers.end()) {
      found.insert(known->second);
      continue;
    }
    for (Expr& operand : operands(next.node())) open.push_back(std::move(operand));
  }
  return found;
}

}  // namespace

std::optional<LayerName> layer_name(std::string_view name) {
  for (std::size_t begin = name.find('.'); begin != std::string_view::npos; begin = name.find('.', begin + 1)) {
    const std::string_view rest = name.substr(begin + 1);
    const std::string_view segment = rest.substr(0, rest.find('.'));
    std::int64_t layer = 0;
    const auto [end, error] = std::from_chars(segment.data(), segment.data() + segment.size(), layer);
    const bool is_number = error == std::errc() && end == segment.data() + segment.size() && segment[0] != '-' &&
                           segment.size() <= kMaxDigits;
    if (is_number) return LayerName{name.substr(0, begin), layer};
  }
  return std::nullopt;
}

LayersByPrefix layers_of(const StateDict& names) {
  LayersByPrefix layers;
  for (const auto& [name, tensor] : names.names()) {
    const std::optional<LayerName> layer = layer_name(name);
    if (!layer) continue;
    auto found = layers.find(layer->prefix);
    if (found == layers.end()) found = layers.emplace(std::string(layer->prefix), std::set<std::int64_t>()).first;
    found->second.insert(layer->layer);
  }
  return layers;
}

bool are_consecutive(const std::set<std::int64_t>& layers) {
  return !layers.empty() && *layers.begin() == 0 && *layers.rbegin() == std::ssize(layers) - 1;
}

std::optional<std::vector<std::int64_t>> layer_origins(const StateDict& before, std::string_view before_prefix,
                                                       const StateDict& after, std::string_view after_prefix,
                                                       std::int64_t count) {
  LayerOfNode layers;
  for (const auto& [name, tensor] : before.names()) {
    const std::optional<LayerName> layer = layer_name(name);
    if (layer && layer->prefix == before_prefix) layers.emplace(tensor.expr.get(), layer->layer);
  }
  std::vector<std::map<std::int64_t, int>> votes(static_cast<std::size_t>(count));
  for (const auto& [name, tensor] : after.names()) {
    throw_if_interrupted();
    const std::optional<LayerName> layer = layer_name(name);
    if (!layer || layer->prefix != after_prefix || layer->layer >= count) continue;
    const std::set<std::int64_t> from = layers_below(tensor.expr, layers);
    if (from.size() == 1) ++votes[static_cast<std::size_t>(layer->layer)][*from.begin()];
  }
  std::vector<std::int64_t> origins;
  for (const auto& vote : votes) {
    if (vote.empty()) return std::nullopt;
    const auto most = std::ranges::max_element(vote, {}, [](const auto& item) { return item.second; });
    if (std::ranges::count_if(vote, [&](const auto& item) { return item.second == most->second; }) > 1) return std::nullopt;
    origins.push_back(most->first);
  }
  return origins;
}

}  // namespace brainsurgery
