#include "session/inspection.h"

#include <fmt/format.h>

#include "base/spelling.h"
#include "base/text.h"
#include "describe/dump_text.h"
#include "formats/inspect.h"
#include "plan/hints.h"
#include "plan/name_pattern.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

NamePattern filter_of(const std::string& pattern) {
  const YamlPtr value = as_structure(YamlNode::untyped({}, pattern));
  const TensorRef ref = parse_tensor_ref(*value, "pattern", true);
  if (ref.alias || ref.slice)
    throw Error(ErrorCode::plan, fmt::format("pattern: '{}' must have no alias and no slice", pattern));
  return NamePattern::compile(ref, "pattern");
}

InspectOptions options_of(bool digest, int threads, const InspectView& view) {
  InspectOptions options{digest, threads, {}, view.for_terminal};
  if (view.match) {
    options.matches = [pattern = filter_of(*view.match), budget = MatchBudget()](std::string_view name) mutable {
      return pattern.matches(name, budget);
    };
  }
  return options;
}

void require_match(const Checkpoint& checkpoint, const InspectOptions& options, const InspectView& view) {
  if (!view.match || !shown_tensors(checkpoint, options).empty()) return;
  NearestNames near(unescaped(*view.match), 3);
  for (const auto* list : {&checkpoint.tensors, &checkpoint.beside}) {
    for (const TensorEntry& tensor : *list) near.offer(tensor.name);
  }
  std::vector<std::string> notes;
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  throw Error(ErrorCode::plan, fmt::format("no tensor matches '{}' in '{}'", *view.match, checkpoint.path), {},
              std::move(notes));
}

std::string tree_text(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::vector<DumpedTensor> tensors;
  for (const TensorEntry* tensor : shown_tensors(checkpoint, options)) {
    if (!tensors.empty() && tensors.back().name == tensor->name) continue;  // one beside the model
    DumpedTensor shown;
    shown.name = tensor->name;
    shown.desc = tensor->desc;
    shown.stored_type = std::string(stored_type(*tensor));
    tensors.push_back(std::move(shown));
  }
  std::string text;
  for (const std::string& line : dump_lines(DumpLayout::compact, std::nullopt, tensors))
    text += escape_for_terminal(line) + "\n";
  return text + inspect_total(checkpoint, options);
}

}  // namespace

std::string inspection_text(const Checkpoint& checkpoint, bool digest, int threads, const InspectView& view) {
  const InspectOptions options = options_of(digest, threads, view);
  require_match(checkpoint, options, view);
  return view.tree ? tree_text(checkpoint, options) : inspect_text(checkpoint, options);
}

std::string inspection_json(const Checkpoint& checkpoint, bool digest, int threads, const InspectView& view) {
  const InspectOptions options = options_of(digest, threads, view);
  require_match(checkpoint, options, view);
  return inspect_json(checkpoint, options);
}

}  // namespace brainsurgery
