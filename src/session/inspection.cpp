#include "session/inspection.h"

#include <fmt/format.h>

#include "base/spelling.h"
#include "base/text.h"
#include "describe/dump_text.h"
#include "formats/inspect.h"
#include "formats/inspect_totals.h"
#include "plan/hints.h"
#include "session/tensor_filter.h"

namespace brainsurgery {
namespace {

InspectOptions options_of(bool digest, int threads, const InspectView& view) {
  const bool by_size = view.sort == InspectView::Sort::size;
  return {digest,
          threads,
          tensor_filter(view),
          by_size ? InspectOptions::Order::size : InspectOptions::Order::name,
          view.for_terminal,
          view.color,
          view.columns};
}

void require_match(const Checkpoint& checkpoint, const InspectOptions& options, const InspectView& view) {
  if (!options.matches || !shown_tensors(checkpoint, options).empty()) return;
  std::string wanted = view.match ? fmt::format(" matches '{}'", *view.match) : "";
  if (view.dtype) wanted += fmt::format("{} has dtype {}", wanted.empty() ? "" : " and", *view.dtype);
  if (view.shape) wanted += fmt::format("{} has shape {}", wanted.empty() ? "" : " and", *view.shape);
  std::vector<std::string> notes;
  if (view.match) {
    NearestNames near(unescaped(*view.match), 3);
    for (const auto* list : {&checkpoint.tensors, &checkpoint.beside}) {
      for (const TensorEntry& tensor : *list) near.offer(tensor.name);
    }
    for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  }
  throw Error(ErrorCode::plan, fmt::format("no tensor{} in '{}'", wanted, checkpoint.path), {}, std::move(notes));
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
  switch (view.layout) {
    case InspectView::Layout::tree:
      return tree_text(checkpoint, options);
    case InspectView::Layout::totals:
      return totals_text(shown_tensors(checkpoint, options), view.columns) + inspect_total(checkpoint, options);
    case InspectView::Layout::list:
      break;
  }
  return inspect_text(checkpoint, options);
}

std::string inspection_json(const Checkpoint& checkpoint, bool digest, int threads, const InspectView& view) {
  const InspectOptions options = options_of(digest, threads, view);
  require_match(checkpoint, options, view);
  return inspect_json(checkpoint, options);
}

}  // namespace brainsurgery
