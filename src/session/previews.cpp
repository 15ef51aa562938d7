#include "session/previews.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "session/model.h"

namespace brainsurgery {
namespace {

std::string entry_label(const DeltaEntry& entry) {
  return brainsurgery::label_of(entry.alias, entry.name) + (entry.region.empty() ? "" : "::" + entry.region);
}

bool has_impact(const StepBinding& step) {
  const auto* control = std::get_if<Control>(&step.step.step->action);
  return control != nullptr && control->has_impact;
}

}  // namespace

Previews::Touched Previews::touched_by(const Delta& delta) {
  Touched touched;
  for (const DeltaEntry& entry : delta) touched[entry.kind].insert(entry_label(entry));
  return touched;
}

Previews::Answer Previews::preview(const StepBinding& step) {
  Touched touched = touched_by(step.delta);
  std::vector<std::string> buckets;
  for (const auto& [kind, word] : {std::pair{DeltaEntry::Kind::changed, "changed"},
                                   {DeltaEntry::Kind::created, "created"},
                                   {DeltaEntry::Kind::deleted, "deleted"}}) {
    const std::set<std::string>& labels = touched[kind];
    if (!labels.empty()) buckets.push_back(fmt::format("{}[{}] {}", word, labels.size(), fmt::join(labels, ", ")));
    previewed_[kind].insert(labels.begin(), labels.end());
  }
  if (!step.edited.empty())
    buckets.push_back(fmt::format("edited[{}] {}", step.edited.size(), fmt::join(step.edited, ", ")));
  any_ = true;
  const std::string head = fmt::format("preview {}/{} {}: ", step.place.number, step.place.count, step.name());
  std::string lines =
      head + (buckets.empty() ? "no tensor impact" : fmt::format("{}", fmt::join(buckets, " | "))) + "\n";
  const bool impact = !buckets.empty() || has_impact(step);
  if (impact && step.flags.dry_run) return {lines + head + "dry-run+preview, apply skipped\n", false};
  if (!impact || !confirm_) return {std::move(lines), true};
  step.events.on(events::Printed{std::move(lines)});
  if (confirm_(head + "go/no-go [go/no-go, default no-go]: ")) return {"", true};
  return {head + "no-go, apply skipped\n", false};
}

std::string Previews::take_totals() {
  if (!std::exchange(any_, false)) return "";
  auto previewed = std::exchange(previewed_, {});
  const auto size = [&](DeltaEntry::Kind kind) { return previewed[kind].size(); };
  return fmt::format("preview session: changed[{}], created[{}], deleted[{}]\n", size(DeltaEntry::Kind::changed),
                     size(DeltaEntry::Kind::created), size(DeltaEntry::Kind::deleted));
}

}  // namespace brainsurgery
