#include "merging/mergekit/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "merging/merge_method.h"
#include "plan/name_pattern.h"

namespace brainsurgery::merging {
namespace {

constexpr const char* kResult = "merged";
constexpr const char* kHead = "lm_head.weight";
constexpr const char* kEmbedding = "model.embed_tokens.weight";
// Names whose segments are none of them a number; those with one, what is before the first, and what is behind it.
constexpr const char* kLayerless = "(?P<name>[^.]*[^.0-9][^.]*(?:\\.[^.]*[^.0-9][^.]*)*)";
constexpr const char* kBefore = "(?P<before>(?:[^.]*[^.0-9][^.]*\\.)*)";
// Tensors behind the layers, of models in general.
constexpr const char* kLast = "(?:.*\\.)?(?:norm|ln_f|final_layernorm|final_layer_norm|lm_head|embed_out|output)\\.(?:weight|bias)";

YamlPtr text(std::string value) { return YamlNode::text({}, std::move(value)); }
YamlPtr plain(const std::string& value) { return YamlNode::plain({}, value); }
YamlPtr integer(std::int64_t value) { return plain(fmt::format("{}", value)); }

class Mapping {
 public:
  Mapping& add(const std::string& key, YamlPtr value) {
    entries_.emplace_back(text(key), std::move(value));
    return *this;
  }
  Mapping& add_text(const std::string& key, std::string value) { return add(key, text(std::move(value))); }
  [[nodiscard]] YamlPtr done() && { return YamlNode::mapping({}, std::move(entries_)); }

 private:
  YamlEntries entries_;
};

bool is_list_of_filters(const YamlNode& value) {
  return value.is_sequence() && std::ranges::any_of(value.items(), [](const YamlPtr& item) { return item->is_mapping(); });
}

// The layers that a curve goes over, by their numbers in the names that it is matched against.
struct Layers {
  std::int64_t first, count;
};

YamlPtr number_or_curve(const YamlPtr& value, const Layers& layers) {
  if (!value->is_sequence()) return value;
  Mapping curve;
  curve.add("curve", value);
  if (layers.first != 0) curve.add("first", integer(layers.first));
  return std::move(curve.add("count", integer(std::max<std::int64_t>(1, layers.count)))).done();
}

std::string pattern_of_filter(const std::string& filter) { return ".*" + literal_pattern(filter) + ".*"; }

void add_rules(const YamlPtr& value, const Layers& layers, YamlItems& rules) {
  if (!is_list_of_filters(*value)) {
    rules.push_back(std::move(Mapping().add("value", number_or_curve(value, layers))).done());
    return;
  }
  for (const YamlPtr& item : value->items()) {
    const YamlNode* filter = item->find("filter");
    const bool is_for_all = filter == nullptr || filter->is_null() || filter->text() == "*";
    Mapping rule;
    if (!is_for_all) rule.add_text("match", pattern_of_filter(filter->text()));
    rules.push_back(std::move(rule.add("value", number_or_curve(item->find_ptr("value"), layers))).done());
  }
}

// Values of one parameter from the innermost place on: the first whose filter matches counts.
YamlPtr joined(const std::vector<YamlPtr>& values, const Layers& layers) {
  if (!is_list_of_filters(*values.front())) return number_or_curve(values.front(), layers);
  YamlItems rules;
  for (const YamlPtr& value : values) {
    add_rules(value, layers, rules);
    if (!is_list_of_filters(*value)) break;
  }
  return YamlNode::sequence({}, std::move(rules));
}

const MergeParameter& parameter_named(const std::string& name) {
  return *std::ranges::find(merge_parameters(), name, &MergeParameter::name);
}

// What is on or off there is a choice here.
YamlPtr as_choice(const YamlPtr& value) { return text(value->boolean() || value->floating() != 0 ? "l1" : "none"); }

struct Model {
  std::string alias, path;
  std::optional<std::int64_t> layers;
  bool is_tied = false;
};

// The models that configurations name, and the results of earlier documents.
class ModelTable {
 public:
  explicit ModelTable(const ReadText& read_text) : read_text_(read_text) {}

  const Model& at(const std::string& path) {
    if (const auto known = models_.find(path); known != models_.end()) return known->second;
    Model model{alias_of(path), path, std::nullopt, false};
    if (const std::optional<std::string> json = read_text_(path + "/config.json")) read_config(path, *json, model);
    inputs_.push_back(text(model.alias + "::" + path));
    return models_.emplace(path, std::move(model)).first->second;
  }
  // A result that is named as a model from now on; gives its alias.
  std::string add_result(const std::string& name, const Model& like, std::optional<std::int64_t> layers) {
    Model model{alias_of(name), name, layers, like.is_tied};
    return models_.insert_or_assign(name, std::move(model)).first->second.alias;
  }
  [[nodiscard]] const YamlItems& inputs() const { return inputs_; }

 private:
  static void read_config(const std::string& path, const std::string& json, Model& model) {
    Diagnostics ignored;  // whoever opens the model reports them
    const YamlPtr root = parse_yaml(std::make_shared<SourceText>(SourceText{path + "/config.json", json}), ignored);
    if (root == nullptr) return;
    for (const std::string_view key : {"num_hidden_layers", "n_layer", "num_layers"}) {
      const YamlNode* layers = root->find(key);
      if (layers != nullptr && layers->integer() && !model.layers) model.layers = layers->integer();
    }
    const YamlNode* tied = root->find("tie_word_embeddings");
    model.is_tied = tied != nullptr && tied->boolean();
  }

  // The last part of the path, as an alias may be written.
  std::string alias_of(const std::string& path) {
    const std::size_t end = path.find_last_not_of('/');
    const std::size_t slash = path.find_last_of('/', end);
    std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    while (name.ends_with('/')) name.pop_back();
    for (char& c : name) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') c = '_';
    }
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0) name = "m" + name;
    const std::string first = name;
    for (int number = 2; name == kResult || aliases_.contains(name); ++number) name = fmt::format("{}_{}", first, number);
    aliases_.insert(name);
    return name;
  }

  const ReadText& read_text_;
  std::map<std::string, Model> models_;  // by path
  YamlItems inputs_;
  std::set<std::string> aliases_;
};

// The steps of one configuration.
class PlanWriter {
 public:
  PlanWriter(const MergekitConfig& config, ModelTable& models, std::string result)
      : config_(config),
        models_(models),
        result_(std::move(result)),
        method_(*std::ranges::find(merge_methods(), config.method, &MergeMethod::name)) {}

  [[nodiscard]] YamlItems steps() {
    if (config_.base_model) static_cast<void>(model(*config_.base_model));
    return config_.by_layers ? by_layers() : by_names();
  }

 private:
  // How the names of a model's tensors are written.
  using NameOf = std::function<std::string(const MergekitSource& source)>;

  const Model& model(const std::string& path) { return models_.at(path); }

  [[nodiscard]] bool is_base(const MergekitSource& source) const {
    return method_.base != MergeMethod::Base::none && config_.base_model && source.model == *config_.base_model;
  }

  // Of one parameter, from the innermost place on.
  static std::vector<YamlPtr> values_of(const std::string& name, const std::vector<const MergekitParameters*>& places) {
    std::vector<YamlPtr> values;
    for (const MergekitParameters* place : places) {
      for (const MergekitParameter& parameter : *place) {
        if (parameter.name == name) values.push_back(parameter.value);
      }
    }
    return values;
  }

  void add_parameters(Mapping& to, bool per_model, const std::vector<const MergekitParameters*>& places, const Layers& layers) const {
    for (const MethodParameter& own : method_.parameters) {
      const std::string name(own.name);
      const MergeParameter& parameter = parameter_named(name);
      if (parameter.per_model != per_model) continue;
      const std::vector<YamlPtr> values = values_of(name, places);
      if (values.empty()) continue;
      to.add(name, parameter.choices.empty() ? joined(values, layers) : as_choice(values.front()));
    }
  }

  // One step; `offset`: the number of the slice's first layer in the result.
  YamlPtr merge(const MergekitSlice& slice, Mapping step, std::int64_t offset, const NameOf& name, const std::string& to) {
    const auto layers_of = [&](const MergekitSource& source) {
      const Layers whole{0, model(source.model).layers.value_or(1)};
      return source.layers ? Layers{source.layers->begin, source.layers->count()} : whole;
    };
    step.add_text("method", config_.method);
    YamlItems models;
    for (const MergekitSource& source : slice.sources) {
      if (is_base(source)) continue;
      Mapping entry;
      entry.add_text("of", name(source));
      add_parameters(entry, true, {&source.parameters, &slice.parameters, &config_.parameters}, layers_of(source));
      models.push_back(std::move(entry).done());
    }
    if (method_.base != MergeMethod::Base::none && config_.base_model) step.add_text("base", name(base_of(slice)));
    step.add("models", YamlNode::sequence({}, std::move(models)));
    const Layers written{offset, layers_of(slice.sources.front()).count};
    add_parameters(step, false, {&slice.parameters, &config_.parameters}, written);
    step.add_text("to", to);
    if (config_.dtype) step.add_text("in", *config_.dtype);
    if (config_.out_dtype) step.add_text("dtype", *config_.out_dtype);
    step.add_text("consistency", "mergekit");
    return std::move(Mapping().add("merge", std::move(step).done())).done();
  }

  // A base that is no source has the layers of the first one.
  [[nodiscard]] MergekitSource base_of(const MergekitSlice& slice) const {
    const auto found = std::ranges::find_if(slice.sources, [this](const MergekitSource& source) { return is_base(source); });
    if (found != slice.sources.end()) return *found;
    MergekitSource base = slice.sources.front();
    base.model = *config_.base_model;
    return base;
  }

  // Of the first source a pattern, of the others templates. The base leads, where there is one.
  NameOf names(const MergekitSlice& slice, const std::string& pattern, const std::string& filled) {
    const std::string lead = config_.base_model && method_.base != MergeMethod::Base::none ? *config_.base_model
                                                                                          : slice.sources.front().model;
    return [this, lead, pattern, filled](const MergekitSource& source) {
      return model(source.model).alias + "::" + (source.model == lead ? pattern : filled);
    };
  }

  YamlItems by_names() {
    MergekitSlice slice = config_.slices.front();
    const bool is_listed = config_.base_model && std::ranges::any_of(slice.sources, [this](const MergekitSource& source) {
                             return source.model == *config_.base_model;
                           });
    if (config_.base_model && !is_listed) {
      if (method_.base == MergeMethod::Base::none) slice.sources.push_back({*config_.base_model, {}, std::nullopt, {}});
    }
    YamlItems steps;
    Mapping all;
    const bool some_tied = ties_differ(slice);
    if (some_tied) all.add_text("except", literal_pattern(kHead));
    steps.push_back(merge(slice, std::move(all), 0, names(slice, "(.*)", "\\1"), result_ + "::\\1"));
    if (some_tied) steps.push_back(head(slice));
    return steps;
  }

  // Whether some models have a head of their own, and others use their embedding.
  bool ties_differ(const MergekitSlice& slice) {
    std::size_t tied = 0;
    for (const MergekitSource& source : slice.sources) tied += model(source.model).is_tied ? 1 : 0;
    return tied != 0 && tied != slice.sources.size();
  }

  YamlPtr head(const MergekitSlice& slice) {
    const auto name = [this](const MergekitSource& source) {
      const Model& of = model(source.model);
      return of.alias + "::" + literal_pattern(of.is_tied ? kEmbedding : kHead);
    };
    return merge(slice, {}, 0, name, result_ + "::" + kHead);
  }

  YamlItems by_layers() {
    YamlItems steps;
    steps.push_back(layerless(config_.slices.front(), false));
    std::int64_t offset = 0;
    for (const MergekitSlice& slice : config_.slices) {
      const std::int64_t count = slice.sources.front().layers->count();
      if (count > 0) steps.push_back(layers(slice, offset));
      offset += count;
    }
    steps.push_back(layerless(config_.slices.back(), true));
    return steps;
  }

  // Tensors before the layers, or behind them.
  YamlPtr layerless(const MergekitSlice& slice, bool last) {
    Mapping step;
    if (last) step.add("optional", plain("true"));
    if (!last) step.add_text("except", kLast);
    const std::string pattern = last ? fmt::format("(?P<name>{})", kLast) : kLayerless;
    return merge(slice, std::move(step), 0, names(slice, pattern, "\\g<name>"), result_ + "::\\g<name>");
  }

  YamlPtr layers(const MergekitSlice& slice, std::int64_t offset) {
    const std::int64_t count = slice.sources.front().layers->count();
    Mapping step;
    step.add("each", std::move(Mapping().add("i", plain(fmt::format("0..{}", count - 1)))).done());
    const auto number = [](std::int64_t first) { return first == 0 ? std::string("${i}") : fmt::format("${{i + {}}}", first); };
    const std::string lead = config_.base_model && method_.base != MergeMethod::Base::none ? *config_.base_model
                                                                                          : slice.sources.front().model;
    const auto name = [&](const MergekitSource& source) {
      const std::string layer = number(source.layers->begin);
      return model(source.model).alias + "::" +
             (source.model == lead ? kBefore + layer + "\\.(?P<behind>.*)" : "\\g<before>" + layer + ".\\g<behind>");
    };
    return merge(slice, std::move(step), offset, name, result_ + "::\\g<before>" + number(offset) + ".\\g<behind>");
  }

  const MergekitConfig& config_;
  ModelTable& models_;
  const std::string result_;
  const MergeMethod& method_;
};

// How many layers the result has.
std::optional<std::int64_t> layers_of(const MergekitConfig& config, const Model& first) {
  if (!config.by_layers) return first.layers;
  std::int64_t count = 0;
  for (const MergekitSlice& slice : config.slices) count += slice.sources.front().layers->count();
  return count;
}

}  // namespace

YamlPtr mergekit_plan(const std::shared_ptr<const SourceText>& config, const std::string& output, const ReadText& read_text) {
  ModelTable models(read_text);
  YamlItems steps;
  const std::vector<MergekitConfig> configs = read_mergekit_configs(config);
  for (const MergekitConfig& each : configs) {
    for (const MergekitSlice& slice : each.slices) {
      for (const MergekitSource& source : slice.sources) static_cast<void>(models.at(source.model));
    }
    const Model first = models.at(each.slices.front().sources.front().model);
    const bool is_last = &each == &configs.back();
    const std::string result = is_last ? kResult : models.add_result(each.name, first, layers_of(each, first));
    std::ranges::move(PlanWriter(each, models, result).steps(), std::back_inserter(steps));
  }
  Mapping plan;
  plan.add("inputs", YamlNode::sequence({}, models.inputs())).add("transforms", YamlNode::sequence({}, std::move(steps)));
  if (!output.empty()) plan.add("output", std::move(Mapping().add_text("path", output).add_text("model", kResult)).done());
  return std::move(plan).done();
}

}  // namespace brainsurgery::merging
