#include "documents/config_adjustment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "documents/layer_names.h"

namespace brainsurgery {
namespace {

using Kind = JsonValue::Kind;
using Words = std::initializer_list<std::string_view>;

bool contains_any(std::string_view text, Words words) {
  return std::ranges::any_of(words, [text](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// Whether the name is the suffix, or ends in it behind a point.
bool is_called(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  return name.size() == suffix.size() || name[name.size() - suffix.size() - 1] == '.';
}
bool is_called_any(std::string_view name, const auto& suffixes) {
  return std::ranges::any_of(suffixes, [name](std::string_view suffix) { return is_called(name, suffix); });
}

constexpr std::array<std::string_view, 6> kEmbeddings{"embed_tokens.weight", "wte.weight",      "word_embeddings.weight",
                            "embed_in.weight",     "shared.weight",   "tok_embeddings.weight"};
constexpr std::array<std::string_view, 2> kHeads{"lm_head.weight", "embed_out.weight"};
// What stands beside quantised weights: scales, zero points, indexes.
constexpr std::array<std::string_view, 10> kCompanions{"weight_scale_inv", "weight_scale", "weight_packed", "qweight", "qzeros", "g_idx",
                            "absmax",           "quant_map",    "SCB",           "scales"};

// One of the objects that describe a model or a part of it: the whole, "text_config", "vision_config", ...
struct Part {
  JsonPath path;
  [[nodiscard]] std::string name() const { return path.empty() ? "" : path.back(); }
};

// Which of several stacks of layers is meant by a part and a key; true where neither says.
bool may_mean(const Part& part, std::string_view key, std::string_view prefix) {
  const bool sees = contains_any(prefix, {"vis", "image"}), hears = contains_any(prefix, {"audio", "speech"});
  const std::string name = part.name();
  if (contains_any(name, {"vis", "image"})) return sees;
  if (contains_any(name, {"audio", "speech"})) return hears;
  if (contains_any(name, {"text", "language", "llm"})) return !sees && !hears;
  if (contains_any(key, {"decoder"})) return contains_any(prefix, {"decoder"});
  if (contains_any(key, {"encoder"})) return contains_any(prefix, {"encoder"});
  return true;
}

class Adjuster {
 public:
  Adjuster(Document& config, const StateDict& before, const StateDict& after)
      : config_(config), before_(before), after_(after) {
    collect_parts({}, config.root);
  }

  std::vector<std::string> adjust() {
    adjust_layers();
    adjust_vocabulary();
    adjust_dtype();
    adjust_tie();
    adjust_experts();
    remove_quantization();
    return std::move(warnings_);
  }

 private:
  void collect_parts(const JsonPath& path, const JsonValue& object) {
    constexpr std::size_t kMaxParts = 16, kMaxNesting = 3;
    if (parts_.size() == kMaxParts) return;
    parts_.push_back({path});
    if (path.size() == kMaxNesting) return;
    for (const JsonMember& member : object.members) {
      const bool is_part = member.key.ends_with("_config") || member.key == "encoder" || member.key == "decoder";
      if (!is_part || member.value.kind != Kind::object || member.key == "quantization_config") continue;
      JsonPath inner = path;
      inner.push_back(member.key);
      collect_parts(inner, member.value);
    }
  }

  [[nodiscard]] static JsonPath at(const Part& part, std::string_view key) {
    JsonPath path = part.path;
    path.emplace_back(key);
    return path;
  }
  [[nodiscard]] const JsonValue* value_at(const Part& part, std::string_view key) const {
    return find_at(config_.root, at(part, key));
  }
  [[nodiscard]] std::optional<std::int64_t> integer_at(const Part& part, std::string_view key) const {
    const JsonValue* value = value_at(part, key);
    return value == nullptr ? std::nullopt : value->integer();
  }
  // Unless a step decided it.
  void set(const JsonPath& path, JsonValue value) {
    if (!config_.was_edited(path)) config_.set(path, std::move(value), true);
  }
  void warn(const JsonPath& path, const std::string& reason) {
    if (config_.was_edited(path)) return;
    warnings_.push_back(fmt::format("{}: {} {}; it is left alone", config_.name, to_string(path), reason));
  }

  // Layers ---------------------------------------------------------------------------------------------------------

  struct Stack {
    std::string before, after;  // prefixes
    std::int64_t count = 0;     // of layers, now
    bool consecutive = false;
  };

  // The prefix that layers have now: the same, or the only one that is longer or shorter at its beginning.
  [[nodiscard]] static std::string renamed(const std::string& prefix, const LayersByPrefix& after) {
    if (after.contains(prefix)) return prefix;
    std::string found;
    for (const auto& [other, layers] : after) {
      if (!is_called(other, prefix) && !is_called(prefix, other)) continue;
      if (!found.empty()) return "";
      found = other;
    }
    return found;
  }

  // The stacks of `count` layers that a key may speak of.
  [[nodiscard]] std::vector<Stack> stacks_of(const Part& part, std::string_view key, std::int64_t count) const {
    std::vector<Stack> stacks;
    for (const auto& [prefix, layers] : layers_before_) {
      if (std::ssize(layers) != count || !are_consecutive(layers) || !may_mean(part, key, prefix)) continue;
      const std::string now = renamed(prefix, layers_after_);
      if (now.empty()) continue;
      const std::set<std::int64_t>& left = layers_after_.find(now)->second;
      stacks.push_back({prefix, now, std::ssize(left), are_consecutive(left)});
    }
    return stacks;
  }

  void adjust_layers() {
    layers_before_ = layers_of(before_);
    layers_after_ = layers_of(after_);
    for (const Part& part : parts_) {
      for (const std::string_view key : {"num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers",
                                         "num_encoder_layers", "encoder_layers", "decoder_layers"})
        adjust_layers(part, key);
    }
  }

  void adjust_layers(const Part& part, std::string_view key) {
    const std::optional<std::int64_t> count = integer_at(part, key);
    if (!count) return;
    const std::vector<Stack> stacks = stacks_of(part, key, *count);
    if (stacks.empty()) return warn_of_other_count(part, key, *count);
    const Stack& first = stacks.front();
    const bool differ = std::ranges::any_of(stacks, [&](const Stack& stack) { return stack.count != first.count; });
    if (differ) return warn(at(part, key), fmt::format("may mean '{}' or '{}', which differ now", first.before, stacks.back().before));
    if (!first.consecutive) {
      return warn(at(part, key), fmt::format("was {}, and the layers of '{}' are not numbered 0 to {} now", *count, first.after,
                                             first.count - 1));
    }
    adjust_lists(part, *count, first);
    if (first.count != *count) set(at(part, key), json_integer(first.count));
  }

  // Layers were added or removed, and the number is none that the names have: some are for the prediction of further tokens.
  void warn_of_other_count(const Part& part, std::string_view key, std::int64_t count) {
    for (const auto& [prefix, layers] : layers_before_) {
      const auto now = layers_after_.find(prefix);
      if (now == layers_after_.end() || now->second == layers || std::ssize(layers) < count) continue;
      if (!may_mean(part, key, prefix) || std::ssize(layers) > 2 * count) continue;
      return warn(at(part, key), fmt::format("is {}, and '{}' had {} layers and has {}", count, prefix, layers.size(),
                                             now->second.size()));
    }
  }

  // Whether a list of that length has an entry for each layer.
  [[nodiscard]] static bool is_of_layers(const JsonMember& member, std::int64_t count) {
    constexpr std::int64_t kFewLayers = 4;  // lists of so many entries are common
    if (member.value.kind != Kind::array || std::ssize(member.value.items) != count) return false;
    if (contains_any(member.key, {"token", "architectures", "modules"})) return false;
    return count >= kFewLayers || contains_any(member.key, {"layer", "block"});
  }

  void adjust_lists(const Part& part, std::int64_t count, const Stack& stack) {
    const JsonValue* object = find_at(config_.root, part.path);
    std::vector<std::string> keys;
    for (const JsonMember& member : object->members) {
      if (is_of_layers(member, count)) keys.push_back(member.key);
    }
    if (keys.empty()) return;
    const auto origins = layer_origins(before_, stack.before, after_, stack.after, stack.count);
    for (const std::string& key : keys) {
      const JsonValue& list = *value_at(part, key);
      const std::optional<JsonValue> adjusted = spliced(list, stack.count, origins);
      if (adjusted) {
        set(at(part, key), *adjusted);
      } else {
        warn(at(part, key), fmt::format("has an entry for each of {} layers, and the tensors do not tell which of them the {} layers are",
                                        count, stack.count));
      }
    }
  }

  [[nodiscard]] static std::optional<JsonValue> spliced(const JsonValue& list, std::int64_t count,
                                                        const std::optional<std::vector<std::int64_t>>& origins) {
    JsonValue result = list;
    const std::string first = to_text(list.items.front());
    const bool alike = std::ranges::all_of(list.items, [&](const JsonValue& item) { return to_text(item) == first; });
    if (alike) {
      result.items.assign(static_cast<std::size_t>(count), list.items.front());
      return result;
    }
    if (!origins) return count == std::ssize(list.items) ? std::optional(result) : std::nullopt;
    result.items.clear();
    for (const std::int64_t origin : *origins) result.items.push_back(list.items[static_cast<std::size_t>(origin)]);
    return result;
  }

  // Vocabulary -----------------------------------------------------------------------------------------------------

  // The tensor that has the name now, or the only one that is called alike.
  [[nodiscard]] const NamedTensor* successor(std::string_view name, std::string_view suffix) const {
    if (const NamedTensor* same = after_.find(name)) return same;
    const NamedTensor* found = nullptr;
    for (const auto& [other, tensor] : after_.names()) {
      if (!is_called(other, suffix)) continue;
      if (found != nullptr) return nullptr;
      found = &tensor;
    }
    return found;
  }

  void adjust_vocabulary() {
    for (const auto& item : before_.names()) {
      const std::string_view name = item.first;
      const NamedTensor& tensor = item.second;
      const auto suffix = std::ranges::find_if(kEmbeddings, [name](std::string_view each) { return is_called(name, each); });
      if (suffix == kEmbeddings.end() || tensor.expr.shape().empty()) continue;
      const NamedTensor* now = successor(name, *suffix);
      if (now == nullptr || now->expr.shape().empty()) continue;
      const std::int64_t rows = tensor.expr.shape()[0], left = now->expr.shape()[0];
      if (rows == left) continue;
      for (const Part& part : parts_) {
        const auto size = integer_at(part, "vocab_size");
        if (!size) continue;
        if (*size == rows) {
          set(at(part, "vocab_size"), json_integer(left));
        } else if (*size != left) {
          warn(at(part, "vocab_size"), fmt::format("is {}, and '{}' had {} rows and has {}", *size, name, rows, left));
        }
      }
    }
  }

  // dtype ----------------------------------------------------------------------------------------------------------

  // The dtype that more than half of the floating elements have; nullopt: none.
  [[nodiscard]] static std::optional<DType> common_dtype(const StateDict& model) {
    std::map<DType, double> elements;
    double all = 0;
    for (const auto& [name, tensor] : model.names()) {
      if (!is_floating(tensor.expr.dtype())) continue;
      const auto count = static_cast<double>(element_count(tensor.expr.shape()));
      elements[tensor.expr.dtype()] += count;
      all += count;
    }
    for (const auto& [dtype, count] : elements) {
      if (2 * count > all) return dtype;
    }
    return std::nullopt;
  }

  void adjust_dtype() {
    constexpr std::array kNames{std::pair(DType::F16, "float16"), std::pair(DType::BF16, "bfloat16"),
                                std::pair(DType::F32, "float32"), std::pair(DType::F64, "float64")};
    for (const Part& part : parts_) {
      for (const std::string_view key : {"torch_dtype", "dtype"}) {
        const JsonValue* value = value_at(part, key);
        std::optional<std::string> text = value == nullptr ? std::nullopt : value->string();
        if (!text) continue;
        const std::string prefix = text->starts_with("torch.") ? "torch." : "";
        const auto old = std::ranges::find(kNames, text->substr(prefix.size()), [](const auto& item) { return std::string(item.second); });
        if (old == kNames.end()) continue;
        if (common_dtype(before_) != old->first) continue;
        const std::optional<DType> now = common_dtype(after_);
        if (now == old->first) continue;
        const auto name = std::ranges::find_if(kNames, [&](const auto& item) { return now && item.first == *now; });
        if (name != kNames.end()) set(at(part, key), json_string(prefix + name->second));
      }
    }
  }

  // tie_word_embeddings --------------------------------------------------------------------------------------------

  [[nodiscard]] static bool has(const StateDict& names, const auto& suffixes) {
    return std::ranges::any_of(names.names(), [&](const auto& item) { return is_called_any(item.first, suffixes); });
  }

  void adjust_tie() {
    const bool had = has(before_, kHeads), keeps = has(after_, kHeads);
    if (had == keeps || !has(after_, kEmbeddings)) return;
    bool any = false;
    for (const Part& part : parts_) {
      const JsonValue* tie = value_at(part, "tie_word_embeddings");
      if (tie == nullptr || tie->kind != Kind::boolean) continue;
      any = true;
      set(at(part, "tie_word_embeddings"), json_boolean(!keeps));
    }
    if (!any) set({"tie_word_embeddings"}, json_boolean(!keeps));
  }

  // Experts --------------------------------------------------------------------------------------------------------

  // How many there are in each layer, by the prefix of their names; nullopt: they are not numbered from 0.
  using Experts = std::map<std::string, std::optional<std::int64_t>>;
  [[nodiscard]] static Experts experts_of(const StateDict& names) {
    constexpr std::string_view kSegment = "experts.";
    std::map<std::string, std::set<std::int64_t>> numbered;
    Experts experts;
    for (const auto& [name, tensor] : names.names()) {
      const std::size_t place = name.find(kSegment);
      if (place == std::string_view::npos || (place > 0 && name[place - 1] != '.')) continue;
      const std::string prefix(name.substr(0, place + kSegment.size() - 1));
      const std::optional<LayerName> number = layer_name(name.substr(place));
      if (number && number->prefix.size() + 1 == kSegment.size()) {
        numbered[prefix].insert(number->layer);
      } else if (tensor.expr.shape().size() >= 3) {  // all of a layer in one tensor
        experts[prefix] = tensor.expr.shape()[0];
      }
    }
    for (const auto& [prefix, numbers] : numbered)
      experts[prefix] = are_consecutive(numbers) ? std::optional(std::ssize(numbers)) : std::nullopt;
    return experts;
  }
  // The number that all layers have.
  [[nodiscard]] static std::optional<std::int64_t> common_count(const Experts& experts) {
    if (experts.empty()) return std::nullopt;
    const std::optional<std::int64_t> count = experts.begin()->second;
    return std::ranges::all_of(experts, [&](const auto& item) { return item.second == count; }) ? count : std::nullopt;
  }

  void adjust_experts() {
    const Experts after = experts_of(after_);
    const std::optional<std::int64_t> before = common_count(experts_of(before_)), now = common_count(after);
    if (!before || after.empty() || now == before) return;
    for (const Part& part : parts_) {
      for (const std::string_view key :
           {"num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts"}) {
        if (integer_at(part, key) != before) continue;
        if (now) {
          set(at(part, key), json_integer(*now));
        } else {
          warn(at(part, key), fmt::format("was {}, and the layers have different numbers of experts now, or gaps between them", *before));
        }
      }
      const auto used = integer_at(part, "num_experts_per_tok");
      if (used && now && *used > *now) warn(at(part, "num_experts_per_tok"), fmt::format("is {}, more than the {} experts", *used, *now));
    }
  }

  // Quantisation ---------------------------------------------------------------------------------------------------

  [[nodiscard]] static bool is_quantised(const StateDict& names) {
    return std::ranges::any_of(names.names(), [&](const auto& item) {
      const std::string_view name = item.first;
      if (is_called_any(name, kCompanions) || contains_any(name, {".quant_state."})) return true;
      constexpr std::string_view kBlocks = "_blocks", kScales = "_scales";
      return name.ends_with(kBlocks) &&
             names.find(std::string(name.substr(0, name.size() - kBlocks.size())) + std::string(kScales)) != nullptr;
    });
  }

  void remove_quantization() {
    if (!is_quantised(before_) || is_quantised(after_)) return;
    for (const Part& part : parts_) {
      const JsonPath path = at(part, "quantization_config");
      if (find_at(config_.root, path) != nullptr && !config_.was_edited(path)) config_.erase(path, true);
    }
  }

  Document& config_;
  const StateDict& before_;
  const StateDict& after_;
  std::vector<Part> parts_;
  LayersByPrefix layers_before_, layers_after_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> adjust_config(Document& config, const StateDict& before, const StateDict& after) {
  return Adjuster(config, before, after).adjust();
}

}  // namespace brainsurgery
