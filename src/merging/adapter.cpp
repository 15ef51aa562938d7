#include "merging/adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "brainsurgery/error.h"

namespace brainsurgery::merging {
namespace {

using enum AdapterPart;
using Parts = std::vector<AdapterPart>;

// The parts that make a change of a weight, and those that may be beside them.
struct Family {
  Parts needed, optional;
};
const std::vector<Family>& families() {
  static const std::vector<Family> kFamilies{
      {{lora_a, lora_b}, {lora_mid, lora_bias, magnitude, alpha}},
      {{embedding_a, embedding_b}, {magnitude, alpha}},
      {{hada_w1_a, hada_w1_b, hada_w2_a, hada_w2_b}, {alpha}},
      {{hada_w1_a, hada_w1_b, hada_w2_a, hada_w2_b, hada_t1, hada_t2}, {alpha}},
      {{lokr_w1, lokr_w2}, {alpha}},
      {{lokr_w1, lokr_w2_a, lokr_w2_b}, {lokr_t2, alpha}},
      {{lokr_w1_a, lokr_w1_b, lokr_w2}, {alpha}},
      {{lokr_w1_a, lokr_w1_b, lokr_w2_a, lokr_w2_b}, {lokr_t2, alpha}},
  };
  return kFamilies;
}

bool holds(const Parts& parts, AdapterPart part) { return std::ranges::find(parts, part) != parts.end(); }

// The parts of a family that the module lacks; nullopt: it has others.
std::optional<Parts> missing_of(const Family& family, const AdaptedModule& module) {
  for (const auto& [part, tensor] : module.parts) {
    if (!holds(family.needed, part) && !holds(family.optional, part)) return std::nullopt;
  }
  Parts missing;
  for (const AdapterPart part : family.needed) {
    if (!module.parts.contains(part)) missing.push_back(part);
  }
  return missing;
}

void require_complete(std::string_view step, const AdaptedModule& module) {
  std::optional<Parts> nearest;
  for (const Family& family : families()) {
    const std::optional<Parts> missing = missing_of(family, module);
    if (missing && missing->empty()) return;
    if (missing && (!nearest || missing->size() < nearest->size())) nearest = missing;
  }
  const std::string problem =
      nearest ? fmt::format("has no {} beside it", spelling(nearest->front()))
              : fmt::format("stands beside {}, which is of another kind of adapter", module.parts.rbegin()->second.label());
  throw Error(ErrorCode::plan, fmt::format("{}: {} {}", step, module.label(), problem));
}

// What diffusers keeps in the metadata of a file: {"unet.r": 4, "unet.lora_alpha": 8, "text_encoder.r": ...}. By part.
std::map<std::string, JsonValue> parts_of(const JsonValue& root) {
  std::map<std::string, JsonValue> parts;
  for (const JsonMember& member : root.members) {
    const std::size_t point = member.key.find('.');
    if (point == std::string::npos) continue;
    JsonValue& part = parts[member.key.substr(0, point)];
    part.kind = JsonValue::Kind::object;
    set_at(part, {member.key.substr(point + 1)}, member.value);
  }
  return parts;
}

std::optional<AdapterConfig> config_of_metadata(PlanScope& plan, std::string_view step, const std::string& alias) {
  constexpr const char* kKey = "lora_adapter_metadata";
  const std::optional<std::string> text = plan.metadata(alias, kKey);
  if (!text) return std::nullopt;
  const std::string where = fmt::format("{}: {} of '{}'", step, kKey, alias);
  std::optional<AdapterConfig> config;
  for (const auto& [name, part] : parts_of(parse_json(*text, where))) {
    AdapterConfig its = read_adapter_config(part, where);
    if (config && (its.rank != config->rank || its.alpha != config->alpha || !its.ranks.empty() || !its.alphas.empty() ||
                   its.rank_stabilised != config->rank_stabilised)) {
      throw Error(ErrorCode::plan, fmt::format("{}: the parts of the file differ in r or alpha", where), {},
                  {"take one part at a time: give 'only' and alpha beside 'of'"});
    }
    if (!config) config = std::move(its);
  }
  return config;
}

std::optional<AdapterConfig> config_of(PlanScope& plan, std::string_view step, const AdapterChoice& choice) {
  const std::optional<JsonValue> root = plan.document(choice.alias, std::string(kAdapterConfigName));
  if (root) return read_adapter_config(*root, fmt::format("{}: {} of '{}'", step, kAdapterConfigName, choice.alias));
  return choice.alpha ? std::nullopt : config_of_metadata(plan, step, choice.alias);
}

class Reader {
 public:
  Reader(std::string_view step, const AdapterChoice& choice) : step_(step), choice_(choice) {}

  void take(FoundTensor tensor) {
    const auto parsed = parse_adapter_key(tensor.name);
    if (const auto* unread = std::get_if<UnreadKind>(&parsed)) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}: {} belongs to an adapter of the kind {}, which is not read", step_, tensor.label(),
                              unread->name),
                  {}, {"LoRA, DoRA, LoHa and LoKr are"});
    }
    const auto& key = std::get<AdapterKey>(parsed);
    if (choice_.only && !choice_.only->match(key.module)) return;
    if (!key.adapter.empty()) require_one_adapter(key.adapter);
    is_peft_ = is_peft_ || key.is_peft;
    if (key.part == whole) {
      wholes_.push_back({key.module, key.tensor, std::move(tensor)});
      return;
    }
    if (!is_floating(tensor.expr.dtype()) && key.part != alpha) {
      throw Error(ErrorCode::plan, fmt::format("{}: {} is {}; factors are floats", step_, tensor.label(),
                                               to_string(tensor.expr.dtype())),
                  {}, {"the adapter is quantised: merge the one that it was made of"});
    }
    AdaptedModule& module = modules_[{key.module, key.depth}];
    module.name = key.module;
    module.depth = key.depth;
    module.is_flat = key.is_flat;
    const auto [at, is_new] = module.parts.emplace(key.part, tensor);
    if (!is_new) {
      throw Error(ErrorCode::plan, fmt::format("{}: {} and {} are the same part of one module", step_,
                                               at->second.label(), tensor.label()));
    }
  }

  [[nodiscard]] Adapter finish(std::optional<AdapterConfig> config) {
    Adapter adapter{choice_.alias, std::move(config), choice_.alpha, {}, std::move(wholes_)};
    for (auto& [key, module] : modules_) {
      require_complete(step_, module);
      adapter.modules.push_back(std::move(module));
    }
    require_content(adapter);
    return adapter;
  }

 private:
  void require_one_adapter(const std::string& name) {
    adapters_.insert(name);
    if (adapters_.size() == 1) return;
    throw Error(ErrorCode::plan, fmt::format("{}: '{}' holds the tensors of two adapters, '{}' and '{}'", step_,
                                             choice_.alias, *adapters_.begin(), *adapters_.rbegin()),
                {}, {"delete those of one of them first"});
  }

  void require_content(const Adapter& adapter) const {
    if (adapter.modules.empty() && adapter.wholes.empty()) {
      throw Error(ErrorCode::plan, choice_.only ? fmt::format("{}: no module of '{}' matches '{}'", step_, adapter.alias,
                                                              choice_.only->text())
                                                : fmt::format("{}: '{}' holds no tensors", step_, adapter.alias));
    }
    if (adapter.config && adapter.alpha) {
      throw Error(ErrorCode::plan, fmt::format("{}: '{}' has an {}, which says alpha already", step_, adapter.alias,
                                               kAdapterConfigName));
    }
    if (is_peft_ && !adapter.config && !adapter.alpha && !adapter.modules.empty()) {
      throw Error(ErrorCode::plan, fmt::format("{}: '{}' has no {}, which says alpha", step_, adapter.alias,
                                               kAdapterConfigName),
                  {}, {"open the adapter's directory, or give alpha beside 'of'"});
    }
    if (!is_peft_ && !adapter.config && adapter.modules.empty()) {
      throw Error(ErrorCode::plan, fmt::format("{}: '{}' is no adapter: {} is the whole tensor of a model", step_,
                                               adapter.alias, adapter.wholes.front().from.label()));
    }
  }

  std::string_view step_;
  const AdapterChoice& choice_;
  std::set<std::string> adapters_;  // names of them
  bool is_peft_ = false;
  std::map<std::pair<std::string, int>, AdaptedModule> modules_;
  std::vector<WholeTensor> wholes_;
};

}  // namespace

const Expr* AdaptedModule::find(AdapterPart part) const {
  const auto found = parts.find(part);
  return found == parts.end() ? nullptr : &found->second.expr;
}

Adapter read_adapter(PlanScope& plan, std::string_view step, const AdapterChoice& choice) {
  std::optional<AdapterConfig> config = config_of(plan, step, choice);
  Reader reader(step, choice);
  for (FoundTensor& tensor : plan.tensors_of(choice.alias)) {
    require_readable(tensor.expr, fmt::format("{}: {}", step, tensor.label()));
    plan.count_read(tensor);
    reader.take(std::move(tensor));
  }
  return reader.finish(std::move(config));
}

}  // namespace brainsurgery::merging
