// execute: further steps, written in the plan or in files, done as one step.
#include <fmt/format.h>

#include <algorithm>

#include "commands/families.h"
#include "plan/config_items.h"

namespace brainsurgery {
namespace {

constexpr const char* kName = "execute";

struct ExecuteSpec {
  YamlPtr transforms, plan;
  std::optional<std::string> plan_yaml, path;
};

bool is_plan(const YamlNode& node) {
  return node.find("transforms") != nullptr || node.find("inputs") != nullptr || node.find("output") != nullptr;
}

// A plan that is written as a mapping, or as its steps alone.
YamlPtr as_plan(const YamlPtr& node, const std::string& field) {
  if (is_plan(*node)) return node;
  if (!node->is_mapping() && !node->is_sequence() && !node->is_string()) {
    throw Error(ErrorCode::plan,
                fmt::format("{}: expected a plan or a list of steps, found {}", field, node->describe()), node->span());
  }
  return YamlNode::mapping(node->span(), {{YamlNode::text(node->span(), "transforms"), node}});
}

YamlPtr parse_text(std::string name, std::string text, const std::string& field) {
  Diagnostics diagnostics;
  const YamlPtr root =
      parse_yaml(std::make_shared<SourceText>(SourceText{std::move(name), std::move(text)}), diagnostics);
  diagnostics.throw_if_errors();
  return as_plan(root, field);
}

Plan parse(const YamlPtr& node) {
  Diagnostics diagnostics;
  Plan plan = parse_plan(node, {}, diagnostics);
  diagnostics.throw_if_errors();
  return plan;
}

void append(Plan& whole, Plan part) {
  std::ranges::move(part.inputs, std::back_inserter(whole.inputs));
  std::ranges::move(part.steps, std::back_inserter(whole.steps));
  if (part.output && whole.output)
    throw Error(ErrorCode::plan, "execute: two of the plans have an output", part.output->span);
  if (part.output) whole.output = std::move(part.output);
}

// The steps of a plan, with steps before them that load its inputs and one behind that saves its output, `path` or
// `alias::path`.
std::vector<PlanStep> steps_of(const Plan& plan) {
  std::vector<PlanStep> steps;
  for (const PlanInput& input : plan.inputs) steps.push_back(load_step(input));
  std::ranges::copy(plan.steps, std::back_inserter(steps));
  if (plan.output) {
    PlanOutput output = *plan.output;
    if (const std::size_t separator = output.path.find("::"); separator != std::string::npos) {
      if (separator > 0) output.model = output.path.substr(0, separator);
      output.path.erase(0, separator + 2);
    }
    steps.push_back(save_step(output));
  }
  return steps;
}

using ReadText = std::function<std::string(const std::string&)>;

Plan whole_plan(const ExecuteSpec& spec, const ReadText& read_text) {
  Plan whole;
  if (spec.transforms != nullptr) {
    append(whole, parse(YamlNode::mapping(spec.transforms->span(),
                                          {{YamlNode::text(spec.transforms->span(), "transforms"), spec.transforms}})));
  }
  if (spec.plan != nullptr) append(whole, parse(as_plan(spec.plan, "execute.plan")));
  if (spec.plan_yaml) append(whole, parse(parse_text("execute.plan-yaml", *spec.plan_yaml, "execute.plan-yaml")));
  if (spec.path) append(whole, parse(parse_text(*spec.path, read_text(*spec.path), "execute.path")));
  return whole;
}

void bind(const ExecuteSpec& spec, PlanScope& plan) {
  const Plan whole = whole_plan(spec, [&](const std::string& path) { return plan.read_text(path); });
  const std::vector<PlanStep> steps = steps_of(whole);
  if (steps.empty()) throw Error(ErrorCode::plan, "execute: the plan has no step");
  const auto nested = std::ranges::find(steps, kName, &PlanStep::command);
  if (nested != steps.end())
    throw Error(ErrorCode::plan, "execute: the steps of an execute cannot be execute themselves", nested->span);
  plan.execute(steps, whole.default_alias());
}

// A plan, or its steps alone.
FieldTypePtr plan_type(const FormatNames& formats) {
  std::vector<FieldTypePtr> alternatives = std::get<OneOfType>(steps_type()->shape).alternatives;
  alternatives.insert(alternatives.begin(), record_of(plan_schema(formats)));
  return one_of_types(std::move(alternatives), [](const YamlNode& value) -> std::size_t {
    return value.is_sequence() ? 2 : is_plan(value) ? 0 : 1;
  });
}

}  // namespace

void add_execute(StepRegistry& registry, const FormatNames& formats) {
  SchemaBuilder<ExecuteSpec> schema(
      kName, {"Does further steps as one.",
              "The steps of 'transforms', 'plan', 'plan-yaml' and 'path' follow one another in this order. Inputs of a "
              "plan are loaded before its steps, its output is saved after them. Without an input the default alias is "
              "that of the only model there is. An execute within an execute is refused.",
              "execute: {transforms: [{scale_: {target: 'wte.weight', by: 2}}, {delete: {target: 'wpe.weight'}}]}"});
  schema.called_elsewhere({"include", "import", "run"});
  const auto node = [](YamlPtr ExecuteSpec::*member) {
    return [member](const YamlNode& value, const FieldDecoder&, ExecuteSpec& spec) {
      spec.*member = value.shared_from_this();
    };
  };
  schema.custom("transforms", steps_type(), node(&ExecuteSpec::transforms)).doc("A step or a list of them.");
  schema.custom("plan", plan_type(formats), node(&ExecuteSpec::plan)).doc("A plan, or a list of steps.");
  schema.text(&ExecuteSpec::plan_yaml, "plan-yaml", Scalar::plan_text).doc("A plan as a string of YAML.");
  schema.text(&ExecuteSpec::path, "path", Scalar::path).doc("A file with a plan.");
  schema.needs_one_of({"transforms", "plan", "plan-yaml", "path"});
  const auto steps = [](const void* spec, const ReadText& read_text) {
    return steps_of(whole_plan(*static_cast<const ExecuteSpec*>(spec), read_text));
  };
  registry.add(make_control<ExecuteSpec>(schema, bind, {.steps = steps}));
}

}  // namespace brainsurgery
