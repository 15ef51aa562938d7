#include "merging/merge_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "plan/yaml_tree.h"

namespace brainsurgery::merging {
namespace {

constexpr std::int64_t kSeeds = std::int64_t{1} << 32;

std::optional<ParameterValue> decoded(const MergeParameter& parameter, const YamlNode& value, const FieldDecoder& decoder) {
  if (parameter.choices.empty()) return parameter_value(value, decoder);
  const std::optional<std::size_t> choice = decoder.choice(value);
  if (!choice) return std::nullopt;
  return ParameterValue({ParameterRule{std::nullopt, static_cast<double>(*choice), std::nullopt}});
}

FieldTypePtr type_of(const MergeParameter& parameter) {
  if (parameter.choices.empty()) return parameter_type();
  return choice_of({parameter.choices.begin(), parameter.choices.end()});
}

// "0.5; 1 of dare_ties": the defaults of the methods that have the parameter.
struct Users {
  std::vector<std::string> methods, defaults;
};

std::string default_text(const MergeParameter& parameter, double value) {
  return parameter.choices.empty() ? fmt::format("{}", value) : std::string(parameter.choices[static_cast<std::size_t>(value)]);
}

Users users_of(const MergeParameter& parameter) {
  Users users;
  for (const MergeMethod& method : merge_methods()) {
    const auto found = std::ranges::find(method.parameters, parameter.name, &MethodParameter::name);
    if (found == method.parameters.end()) continue;
    users.methods.emplace_back(method.name);
    std::string value = found->otherwise ? default_text(parameter, *found->otherwise) : "none";
    if (std::ranges::find(users.defaults, value) == users.defaults.end()) users.defaults.push_back(std::move(value));
  }
  return users;
}

template <typename Spec>
void add_parameters(SchemaBuilder<Spec>& schema, bool of_models) {
  for (const MergeParameter& parameter : merge_parameters()) {
    if (of_models && !parameter.per_model) continue;
    const Users users = users_of(parameter);
    Field& field = schema.custom(
        std::string(parameter.name), type_of(parameter),
        [&parameter](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
          if (auto given = decoded(parameter, value, decoder)) spec.values.emplace(parameter.name, *std::move(given));
        });
    field.doc(fmt::format("{} Of {}.", parameter.meaning, fmt::join(users.methods, ", ")));
    if (of_models) {
      field.defaults_to("that of the step");
    } else if (users.defaults != std::vector<std::string>{"none"}) {
      field.defaults_to(users.defaults.size() == 1 ? users.defaults.front() : "that of the method");
    }
  }
}

Role of_model() {
  Role role = roles::paired_source();
  role.policy = Role::Policy::any;
  role.may_lack = true;
  role.slice = true;
  return role;
}

SchemaBuilder<ModelSpec> model_schema() {
  SchemaBuilder<ModelSpec> schema("model", {"A tensor of a model, with the model's parameters.", "", "{of: 'wte.weight', weight: 0.5}"});
  schema.reference(&ModelSpec::of, "of", roles::source())
      .doc("The tensor: a template filled in for the matches of `base`; without a base the first one is a pattern.");
  schema.reference(&ModelSpec::statistics, "statistics", of_model())
      .doc("What the method wants to know of the tensor: of fisher the diagonal of the Fisher information. A template.");
  add_parameters(schema, true);
  return schema;
}

void add_models(SchemaBuilder<MergeSpec>& schema) {
  const SchemaBuilder<ModelSpec> model = model_schema();
  const auto decode = [one = model.decoder()](const YamlNode& value, const FieldDecoder& decoder, MergeSpec& spec) {
    const auto add = [&](const FieldDecoder& item, const YamlNode& node) {
      if (!node.is_mapping()) item.expected(node, "a mapping with of and parameters");
      const auto decoded = node.is_mapping() ? one(node, item.context(), item.path()) : nullptr;
      if (decoded) spec.models.push_back(*decoded);
      return decoded != nullptr;
    };
    static_cast<void>(decoder.each(value, add));
  };
  Field& field = schema.custom("models", list_of(record_of(model.schema()), 1), decode);
  field.role = roles::source();
  field.references = [](const void* given) {
    const auto& spec = *static_cast<const MergeSpec*>(given);
    std::vector<FieldReference> result;
    std::size_t number = 0;
    for (const ModelSpec& each : spec.models) {
      const bool leads = result.empty() && !spec.base;
      result.push_back({&each.of, fmt::format("[{}].of", number), leads ? roles::source() : of_model()});
      if (each.statistics) result.push_back({&*each.statistics, fmt::format("[{}].statistics", number), of_model()});
      ++number;
    }
    return result;
  };
  field.require().doc("The models that are merged, each with its parameters.");
}

std::vector<std::string_view> names_of(const MergeMethod& method) {
  std::vector<std::string_view> names;
  for (const MethodParameter& parameter : method.parameters) names.push_back(parameter.name);
  return names;
}

std::optional<FieldProblem> foreign_parameter(const MergeMethod& method, const ParameterValues& values,
                                              const std::string& field) {
  const std::vector<std::string_view> names = names_of(method);
  for (const auto& [name, value] : values) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string known = names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "));
    return FieldProblem{field.empty() ? name : field, fmt::format("'{}' is no parameter of {}: {}", name, method.name, known)};
  }
  return std::nullopt;
}

std::string count_text(std::size_t least, std::size_t most) {
  if (least == most) return least == 1 ? "exactly one model" : fmt::format("exactly {} models", least);
  if (most == 0) return least == 1 ? "at least one model" : fmt::format("at least {} models", least);
  return fmt::format("{} to {} models", least, most);
}

std::optional<FieldProblem> wrong_inputs(const MergeSpec& spec) {
  const MergeMethod& method = *spec.method;
  if (method.base == MergeMethod::Base::required && !spec.base)
    return FieldProblem{"", fmt::format("method {} needs 'base', the model that the others were made from", method.name)};
  if (method.base == MergeMethod::Base::none && spec.base)
    return FieldProblem{"base", fmt::format("method {} knows no base; list it among the models", method.name)};
  for (const ModelSpec& model : spec.models) {
    if (model.statistics.has_value() != method.needs_statistics)
      return FieldProblem{"models", fmt::format("method {} {}", method.name, method.needs_statistics ? "needs 'statistics' of each model" : "takes no 'statistics'")};
  }
  const std::size_t count = spec.models.size();
  if (count >= method.least && (method.most == 0 || count <= method.most)) return std::nullopt;
  return FieldProblem{"models", fmt::format("method {} takes {}{}, not {}", method.name, count_text(method.least, method.most),
                                            spec.base ? " besides the base" : "", count)};
}

std::optional<FieldProblem> completed(MergeSpec& spec) {
  spec.method = &*std::ranges::find(merge_methods(), *spec.method_name, &MergeMethod::name);
  if (auto problem = wrong_inputs(spec)) return problem;
  if (auto problem = foreign_parameter(*spec.method, spec.values, "")) return problem;
  for (const ModelSpec& model : spec.models) {
    if (auto problem = foreign_parameter(*spec.method, model.values, "models")) return problem;
  }
  if (spec.in && !is_floating(*spec.in)) return FieldProblem{"in", "must be a floating dtype"};
  if (spec.dtype && !is_floating(*spec.dtype)) return FieldProblem{"dtype", "must be a floating dtype"};
  if (spec.seed < 0 || spec.seed >= kSeeds) return FieldProblem{"seed", fmt::format("must be 0 to {}", kSeeds - 1)};
  return std::nullopt;
}

std::string details() {
  std::string text =
      "The pattern of `base`, or of the first model where there is no base, leads. Tensors of one row are converted to the "
      "dtype of the computation, merged by the method, and the result is rounded once. Parameters are numbers; rules, of "
      "which the first whose pattern matches the tensor counts: `[{match: '.*mlp.*', value: 0.3}, {value: 0.5}]`; or curves "
      "over the number of the block: `{curve: [0, 0.5, 1], count: 32}`. Those of models are matched against the model's "
      "name, others against the written one. Tensors of integers and bools are equal in all models, or it is an error.";
  for (const MergeMethod& method : merge_methods()) {
    text += fmt::format("\n\n`{}`: {} {}", method.name, method.summary, method.formula);
    if (!method.source.empty()) text += fmt::format(" ({})", method.source);
    text += ".";
  }
  return text;
}

Role result() {
  Role role = roles::assigned();
  role.slice = false;
  role.begins_model = true;
  return role;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const MergeMethod& method : merge_methods()) names.emplace_back(method.name);
  return names;
}

void add_rules(SchemaBuilder<MergeSpec>& schema) {
  schema.field(&MergeSpec::in, "in")
      .defaults_to("float32, or float64 if a tensor is of this dtype")
      .doc("The dtype of the computation, a floating one.");
  schema.field(&MergeSpec::dtype, "dtype").defaults_to("that of the first tensor").doc("The dtype of the result, a floating one.");
  schema.field(&MergeSpec::seed, "seed").defaults_to("0").doc("Of random choices, which follow from it, the written name, the model's place and the element.");
  schema.choice(&MergeSpec::consistency, "consistency", {"papers", "mergekit"})
      .defaults_to("papers")
      .doc("mergekit: its defaults and its rounding of every intermediate, where they differ.");
  schema.choice(&MergeSpec::on_mismatch, "on_mismatch", {"fail", "copy", "skip", "align"})
      .defaults_to("fail")
      .doc("Of tensors of different shapes. copy: the first one is taken. skip: nothing is written. align: what all of them "
           "have, counted from the first element, is merged, and the rest is that of the first one.");
  schema.choice(&MergeSpec::on_missing, "on_missing", {"fail", "copy", "skip", "others"})
      .defaults_to("fail")
      .doc("Of tensors that a model lacks. copy: the first one is taken. skip: nothing is written. others: those that are "
           "there are merged.");
  schema.choice(&MergeSpec::report, "report", {"counts", "full"})
      .defaults_to("counts")
      .doc("Whether every tensor is listed with what became of it.");
}

}  // namespace

SchemaBuilder<MergeSpec> merge_schema() {
  SchemaBuilder<MergeSpec> schema(
      "merge", {"Merges models by a published method.", details(),
                "merge: {method: ties, base: 'model::(h\\..+)', models: [{of: 'tuned::\\1', density: 0.5}, {of: 'other::\\1', "
                "density: 0.5}], to: 'merged::\\1'}",
                "- load: {path: tiny_gpt2.safetensors, alias: tuned}\n- load: {path: tiny_gpt2.safetensors, alias: other}"});
  schema.called_elsewhere({"mergekit", "merge_models", "merge_method", "model_merge", "soup", "combine_models"});
  schema.word(&MergeSpec::method_name, "method", method_names()).require().doc("How tensors are merged; see below.");
  schema.reference(&MergeSpec::base, "base", roles::source())
      .doc("The tensors of the model that the others were made from, a pattern; the methods say whether they know one.");
  add_models(schema);
  schema.reference(&MergeSpec::to, "to", result()).doc("The merged tensor, new or replaced; its model may be new.");
  add_parameters(schema, false);
  add_rules(schema);
  schema.check(completed);
  return schema;
}

}  // namespace brainsurgery::merging
