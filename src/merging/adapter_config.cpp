#include "merging/adapter_config.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/numbers.h"
#include "brainsurgery/error.h"

namespace brainsurgery::merging {
namespace {

[[noreturn]] void fail(const std::string& where, const std::string& message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, fmt::format("{}: {}", where, message), {}, std::move(notes));
}

bool is_set(const JsonValue& root, std::string_view key) {
  const JsonValue* value = root.find(key);
  if (value == nullptr || value->kind == JsonValue::Kind::null) return false;
  if (value->kind == JsonValue::Kind::boolean) return value->text == "true";
  if (value->kind == JsonValue::Kind::array) return !value->items.empty();
  return value->kind != JsonValue::Kind::object || !value->members.empty();
}

// What makes the adapter more than a change of weights that its tensors say.
struct Refusal {
  std::string_view key, reason;
};
constexpr std::array kRefused{
    Refusal{"use_qalora", "QA-LoRA groups the inputs of quantised weights, which would have to be quantised again"},
    Refusal{"use_bdlora", "block-diagonal LoRA is not read"},
    Refusal{"kasa_config", "KaSA is not read"},
    Refusal{"alora_invocation_tokens",
            "an activated LoRA works from its invocation tokens on; merged, it would always work"},
    Refusal{"layer_replication", "the adapter is of a model whose layers were repeated"},
    Refusal{"trainable_token_indices", "rows of single tokens are not read"},
};

std::int64_t rank_value(const JsonValue& value, const std::string& where, const std::string& key) {
  const std::optional<std::int64_t> rank = value.integer();
  if (!rank || *rank < 1) fail(where, fmt::format("{} must be a positive integer, found {}", key, shown(value)));
  return *rank;
}

double number_value(const JsonValue& value, const std::string& where, const std::string& key) {
  const std::optional<double> number =
      value.kind == JsonValue::Kind::number ? parse_python_float(value.text) : std::nullopt;
  if (!number || !std::isfinite(*number)) fail(where, fmt::format("{} must be a number, found {}", key, shown(value)));
  return *number;
}

// As PEFT looks keys of rank_pattern up: re.match(r"(.*\.)?(KEY)$", module).
template <typename Value>
std::vector<std::pair<NamePattern, Value>> patterns_of(const JsonValue& root, const std::string& key,
                                                       const std::string& where,
                                                       Value (*read)(const JsonValue&, const std::string&,
                                                                     const std::string&)) {
  std::vector<std::pair<NamePattern, Value>> result;
  const JsonValue* map = root.find(key);
  if (map == nullptr || map->kind == JsonValue::Kind::null) return result;
  if (map->kind != JsonValue::Kind::object) fail(where, fmt::format("{} must be an object", key));
  for (const JsonMember& member : map->members) {
    NamePattern pattern = NamePattern::compile_regex(fmt::format("(?:.*\\.)?(?:{})", member.key),
                                                     fmt::format("{}: {}", where, key));
    result.emplace_back(std::move(pattern), read(member.value, where, fmt::format("{}.{}", key, member.key)));
  }
  return result;
}

template <typename Value>
Value by_module(const std::vector<std::pair<NamePattern, Value>>& patterns, const std::string& module, Value otherwise) {
  for (const auto& [pattern, value] : patterns) {
    if (pattern.match(module)) return value;
  }
  return otherwise;
}

std::vector<std::string> texts_of(const JsonValue& root, std::string_view key) {
  std::vector<std::string> texts;
  const JsonValue* list = root.find(key);
  if (list == nullptr) return texts;
  for (const JsonValue& item : list->items) texts.push_back(item.string().value_or(""));
  return texts;
}

std::string kind_of(const JsonValue& root, const std::string& where) {
  const JsonValue* type = root.find("peft_type");
  const std::string kind = type == nullptr ? "LORA" : type->string().value_or("");
  if (kind != "LORA" && kind != "LOHA" && kind != "LOKR")
    fail(where, fmt::format("adapters of the kind {} are not read", kind), {"LORA, LOHA and LOKR are"});
  return kind;
}

}  // namespace

AdapterConfig read_adapter_config(const JsonValue& root, const std::string& where) {
  AdapterConfig config;
  config.kind = kind_of(root, where);
  for (const auto& [key, reason] : kRefused) {
    if (is_set(root, key)) fail(where, fmt::format("{} is set: {}", key, reason));
  }
  const std::string alpha_key = config.kind == "LORA" ? "lora_alpha" : "alpha";
  const JsonValue* rank = root.find("r");
  const JsonValue* alpha = root.find(alpha_key);
  if (rank == nullptr) fail(where, "there is no r");
  if (alpha == nullptr) fail(where, fmt::format("there is no {}", alpha_key));
  config.rank = rank_value(*rank, where, "r");
  config.alpha = number_value(*alpha, where, alpha_key);
  config.rank_stabilised = is_set(root, "use_rslora");
  config.fan_in_fan_out = is_set(root, "fan_in_fan_out");
  config.ranks = patterns_of<std::int64_t>(root, "rank_pattern", where, rank_value);
  config.alphas = patterns_of<double>(root, "alpha_pattern", where, number_value);
  config.parameters = texts_of(root, "target_parameters");
  config.saved_modules = texts_of(root, "modules_to_save");
  return config;
}

std::int64_t AdapterConfig::rank_of(const std::string& module) const { return by_module(ranks, module, rank); }

double AdapterConfig::scale_of(const std::string& module) const {
  const auto divisor = static_cast<double>(rank_of(module));
  return by_module(alphas, module, alpha) / (rank_stabilised ? std::sqrt(divisor) : divisor);
}

}  // namespace brainsurgery::merging
