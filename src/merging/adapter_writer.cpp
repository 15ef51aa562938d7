#include "merging/adapter_writer.h"

#include <algorithm>

#include "merging/adapter_config.h"
#include "merging/module_words.h"

namespace brainsurgery::merging {
namespace {

constexpr const char* kPrefix = "base_model.model.";

JsonValue texts(const std::set<std::string>& words) {
  JsonValue list;
  list.kind = JsonValue::Kind::array;
  for (const std::string& word : words) list.items.push_back(json_string(word));
  return list;
}

JsonValue numbers(const std::map<std::string, std::int64_t>& by_module) {
  JsonValue object;
  object.kind = JsonValue::Kind::object;
  for (const auto& [module, number] : by_module)
    object.members.push_back({module, json_string(module).text, json_integer(number)});
  return object;
}

}  // namespace

void AdapterWriter::add_factors(const std::string& module, Expr a, Expr b) {
  ranks_[module] = a.shape()[0];
  tensors_.push_back({kPrefix + module + ".lora_A.weight", std::move(a)});
  tensors_.push_back({kPrefix + module + ".lora_B.weight", std::move(b)});
}

void AdapterWriter::add_embedding(const std::string& module, Expr a, Expr b) {
  ranks_[module] = a.shape()[0];
  tensors_.push_back({kPrefix + module + ".lora_embedding_A", std::move(a)});
  tensors_.push_back({kPrefix + module + ".lora_embedding_B", std::move(b)});
}

void AdapterWriter::add_bias(const std::string& module, Expr bias) {
  has_bias_ = true;
  tensors_.push_back({kPrefix + module + ".lora_B.bias", std::move(bias)});
}

void AdapterWriter::add_whole(const std::string& module, const std::string& tensor, Expr value) {
  saved_.insert(last_word(module));
  tensors_.push_back({kPrefix + module + "." + tensor, std::move(value)});
}

// That of most modules, so that the pattern is short; the larger one of two.
std::int64_t AdapterWriter::usual_rank() const {
  std::map<std::int64_t, int> counts;
  for (const auto& [module, rank] : ranks_) ++counts[rank];
  std::int64_t usual = 1;
  int most = 0;
  for (const auto& [rank, count] : counts) {
    if (count >= most) usual = rank;
    most = std::max(most, count);
  }
  return usual;
}

void AdapterWriter::write(PlanScope& plan, const std::string& alias, const std::string& base) && {
  const std::int64_t rank = usual_rank();
  std::map<std::string, std::int64_t> others;
  std::set<std::string> targets;
  for (const auto& [module, its] : ranks_) {
    targets.insert(last_word(module));
    if (its != rank) others.emplace(module, its);
  }
  plan.write_tensors(alias, std::move(tensors_));
  DocumentEdit edit;
  edit.alias = alias;
  edit.name = kAdapterConfigName;
  edit.may_create = true;
  const auto set = [&edit](std::string key, JsonValue value) {
    edit.set.push_back({{std::move(key)}, std::move(value), {}});
  };
  set("peft_type", json_string("LORA"));
  set("base_model_name_or_path", base.empty() ? JsonValue() : json_string(base));
  set("r", json_integer(rank));
  set("lora_alpha", json_integer(rank));
  set("target_modules", texts(targets));
  set("modules_to_save", saved_.empty() ? JsonValue() : texts(saved_));
  set("rank_pattern", numbers(others));
  set("alpha_pattern", numbers(others));
  set("bias", json_string("none"));
  set("lora_bias", json_boolean(has_bias_));
  set("fan_in_fan_out", json_boolean(is_turned_));
  set("use_rslora", json_boolean(false));
  set("use_dora", json_boolean(false));
  set("lora_dropout", json_number("0.0"));
  set("inference_mode", json_boolean(true));
  set("task_type", JsonValue());
  static_cast<void>(plan.edit_document(edit));
}

}  // namespace brainsurgery::merging
