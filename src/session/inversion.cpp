#include "session/inversion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "formula/evaluate.h"
#include "plan/modifiers.h"
#include "plan/plan_file.h"
#include "plan/yaml_printer.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

constexpr const char *kInputs = "inputs", *kSteps = "transforms", *kOutput = "output", *kParams = "params";

[[noreturn]] void fail(const YamlNode& at, std::string message) {
  throw Error(ErrorCode::plan, std::move(message), at.span());
}

YamlPtr text(const YamlNode& near, std::string value) { return YamlNode::text(near.span(), std::move(value)); }

// A step as written.
struct Item {
  int number;  // from 1
  const Step* step;
  YamlPtr node, payload;

  [[nodiscard]] std::string label() const { return fmt::format("step {} ({})", number, step->schema.name); }
};

Item item_of(const YamlPtr& node, int number, const StepRegistry& steps) {
  const bool is_name = node->is_string();
  if (!is_name && !(node->is_mapping() && node->entries().size() == 1))
    fail(*node, fmt::format("step {}: expected a step, found {}", number, node->describe()));
  const std::string& name = is_name ? node->text() : node->entries().front().first->text();
  const Step* step = steps.find(name);
  if (step == nullptr) fail(*node, fmt::format("unknown command '{}'", name));
  YamlPtr payload = is_name ? nullptr : node->entries().front().second;
  if (payload == nullptr || payload->is_null()) payload = YamlNode::mapping(node->span(), {});
  return {number, step, node, std::move(payload)};
}

std::vector<Item> items_of(const YamlNode& root, const StepRegistry& steps) {
  std::vector<Item> items;
  const YamlPtr written = root.find_ptr(kSteps);
  if (written == nullptr || written->is_null()) return items;
  const YamlItems list = written->is_sequence() ? written->items() : YamlItems{written};
  for (const YamlPtr& node : list) items.push_back(item_of(node, static_cast<int>(items.size()) + 1, steps));
  return items;
}

// What the condition says of tensors has to be the same behind the step.
void require_kept(const YamlNode& where, const std::vector<std::string>& changed) {
  const Formula formula = parse_formula({where.text(), "where", where.span()});
  for (const std::string& name : names_in(formula)) {
    if (std::ranges::find(changed, name) != changed.end())
      fail(where, fmt::format("its condition asks for '{}', which is another one behind the step", name));
  }
}

YamlPtr with_modifiers(const UndoingStep& undoing, const WrittenModifiers& written) {
  const YamlPtr where = undoing.where != nullptr ? undoing.where : written.where;
  if (written.where != nullptr && undoing.where == nullptr) require_kept(*where, undoing.changed);
  if (written.except != nullptr && std::ranges::find(undoing.changed, "name") != undoing.changed.end())
    fail(*written.except, "'except' has names that the step takes away; a condition on captures can be kept");
  YamlEntries entries = undoing.payload->entries();
  for (const auto& [name, value] : {std::pair("when", written.when), std::pair("each", written.each), std::pair("over", written.over), std::pair("where", where),
                                    std::pair("except", written.except), std::pair("optional", written.optional)}) {
    if (value != nullptr) entries.emplace_back(text(*value, name), value);
  }
  return YamlNode::mapping(undoing.payload->span(), std::move(entries));
}

// References to another model than the input's.
void require_one_model(const Item& item, const std::string& alias) {
  for (const auto& [key, value] : item.payload->entries()) {
    const Field* field = item.step->schema.find(key->text());
    if (field == nullptr || !field->role || !value->is_string()) continue;
    const std::size_t end = value->text().find("::");
    if (end != std::string::npos && end > 0 && value->text().substr(0, end) != alias && value->text()[end + 2] != '[')
      fail(*value, fmt::format("{} cannot be undone: it works on '{}' beside '{}'", item.label(), value->text().substr(0, end), alias));
  }
}

// nullptr: nothing takes it back, because it changes nothing or what a model may lack.
YamlPtr undone(const Item& item) {
  const bool looks = std::holds_alternative<Condition>(item.step->action) || std::holds_alternative<Query>(item.step->action);
  if (looks) return nullptr;
  try {
    if (item.step->undo == nullptr) fail(*item.node, "what it takes away cannot be known from what it leaves");
    const SplitPayload split = split_modifiers(item.payload, item.step->schema);
    const YamlPtr& optional = split.modifiers.optional;
    const UndoingStep undoing =
        item.step->undo({*split.payload, split.modifiers.where.get(), optional != nullptr && optional->boolean()});
    if (undoing.name.empty()) return nullptr;
    return YamlNode::mapping(item.node->span(),
                             {{text(*item.node, undoing.name), with_modifiers(undoing, split.modifiers)}});
  } catch (const Error& error) {
    const Diagnostic& mistake = error.diagnostics().front();
    throw Error(error.code(), fmt::format("{} cannot be undone: {}", item.label(), mistake.message),
                mistake.span.known() ? mistake.span : item.node->span(), mistake.notes);
  }
}

std::string path_of(const YamlNode* output) {
  if (output == nullptr) return "";
  const YamlNode* path = output->is_mapping() ? output->find("path") : output;
  return path == nullptr || !path->is_string() ? "" : path->text();
}

bool is_open(std::string_view path) { return path.find("${") != std::string_view::npos; }

// The alias of the only input, with its path.
std::pair<std::string, std::string> only_input(const YamlNode& root) {
  const YamlNode* inputs = root.find(kInputs);
  const std::size_t count = inputs == nullptr ? 0 : inputs->items().size();
  if (count != 1 || !inputs->items().front()->is_string())
    fail(inputs == nullptr ? root : *inputs, fmt::format("a plan that can be undone has one input, this has {}", count));
  const std::string& written = inputs->items().front()->text();
  const std::size_t end = written.find("::");
  if (end == std::string::npos || end == 0) return {"", written.substr(end == 0 ? 2 : 0)};
  return {written.substr(0, end), written.substr(end + 2)};
}

// Paths that parameters give stay as they are. Else what the plan writes is read, and the parameter `out` says where to.
void set_paths(const YamlNode& root, YamlEntries& frame) {
  const auto [alias, path] = only_input(root);
  const std::string written = path_of(root.find(kOutput));
  if (is_open(path) || is_open(written)) return;
  if (written.empty()) fail(root, "a plan that can be undone has an output");
  const std::string input = alias.empty() ? written : fmt::format("{}::{}", alias, written);
  for (auto& [key, value] : frame) {
    if (key->text() == kInputs) value = YamlNode::sequence(value->span(), {text(*value, input)});
    if (key->text() == kOutput) value = text(*value, "${out}");
  }
  const YamlPtr declared = YamlNode::mapping(root.span(), {{text(root, "type"), text(root, "string")},
                                                          {text(root, "doc"), text(root, "the file or directory to write")}});
  const YamlPtr params = root.find_ptr(kParams);
  YamlEntries entries = params == nullptr ? YamlEntries() : params->entries();
  entries.emplace_back(text(root, "out"), declared);
  std::erase_if(frame, [](const auto& entry) { return entry.first->text() == kParams; });
  frame.insert(frame.begin(), {text(root, kParams), YamlNode::mapping(root.span(), std::move(entries))});
}

std::string heading(const SourceText& plan, const std::vector<std::string>& left_out) {
  std::string lines = fmt::format("# Takes back what {} does.\n", escape_for_terminal(plan.name));
  if (!left_out.empty())
    lines += fmt::format("# Nothing takes back {}: they change nothing, or what a model may lack.\n", fmt::join(left_out, ", "));
  return lines;
}

}  // namespace

std::string invert_plan(const std::shared_ptr<const SourceText>& plan, const StepRegistry& steps) {
  Diagnostics diagnostics;
  const YamlPtr root = parse_yaml(plan, diagnostics);
  diagnostics.throw_if_errors();
  if (!root->is_mapping()) fail(*root, "a plan is a mapping");
  const std::string alias = only_input(*root).first;
  YamlItems undoing;
  std::vector<std::string> left_out;
  std::vector<Item> items = items_of(*root, steps);
  std::ranges::reverse(items);
  for (const Item& item : items) {
    require_one_model(item, alias.empty() ? "model" : alias);
    if (YamlPtr step = undone(item)) {
      undoing.push_back(std::move(step));
    } else {
      left_out.push_back(item.label());
    }
  }
  YamlEntries frame = root->entries();
  for (auto& [key, value] : frame) {
    if (key->text() == kSteps) value = YamlNode::sequence(value->span(), std::move(undoing));
  }
  set_paths(*root, frame);
  return heading(*plan, left_out) + print_yaml(*YamlNode::mapping(root->span(), std::move(frame)));
}

}  // namespace brainsurgery
