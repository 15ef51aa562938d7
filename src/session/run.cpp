#include "session/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/interrupt.h"
#include "base/text.h"
#include "commands/families.h"
#include "plan/oly.h"
#include "plan/submission.h"
#include "plan/yaml_printer.h"
#include "session/summary.h"
#include "session/tensor_filter.h"
#include "session/tensor_picture.h"
#include "session/tensor_profile.h"
#include "session/tensor_value.h"

namespace brainsurgery {
namespace {

std::string line_of(const PlanStep& step) {
  const YamlPtr tree = to_yaml(step);
  try {
    return print_oly(*tree);
  } catch (const Error&) {  // OLY has no spelling for it
    return print_yaml(*tree);
  }
}

std::optional<TensorInfo> info_of(const Workspace& workspace, const DeltaEntry& entry) {
  const StateDict* names = workspace.find(entry.alias);
  const NamedTensor* tensor = names == nullptr ? nullptr : names->find(entry.name);
  return tensor == nullptr ? std::nullopt : std::optional(tensor_info(entry.name, tensor->expr));
}

std::vector<TensorChange> changes_between(const Workspace& before, const Workspace& after) {
  std::vector<TensorChange> changes;
  for (const DeltaEntry& entry : difference(before, after))
    changes.push_back({entry, info_of(before, entry), info_of(after, entry)});
  return changes;
}

}  // namespace

Run::Impl::Impl(Env& env, const Registries& registries, EventSink& events, const SessionOptions& options,
                           const PlanSource& source, Confirm confirm)
    : env_(env),
      registries_(registries),
      events_(events),
      cancellation_(options.cancellation ? options.cancellation : std::make_shared<Cancellation>()),
      run_(env, registries, events, options, PlanRun::Purpose::perform) {
  run_.start(source);
  next_step_ = static_cast<int>(run_.plan().steps.size());
  run_.binder().previews().ask(std::move(confirm));
}

StepDecoder Run::Impl::decoder() const {
  const std::vector<std::string> known = run_.binder().models().aliases();
  return plan_decoder(run_.plan(), registries_, {known.begin(), known.end()});
}

bool Run::Impl::wants_more(std::string_view lines) const {
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  const std::size_t last = lines.rfind('\n');
  if (trim(last == std::string_view::npos ? lines : lines.substr(last + 1)).empty()) return false;
  if (last != std::string_view::npos) return true;
  const std::optional<PlanStep> step = step_of_line(lines);
  return !step || (trim(lines).ends_with(':') && step->payload->is_null() && needs_keys(*step));
}

// Whether there is such a command and it can do nothing without keys.
bool Run::Impl::needs_keys(const PlanStep& step) const {
  if (registries_.steps.find(step.command) == nullptr) return false;
  Diagnostics diagnostics;
  return !decoder().decode(step, 0, diagnostics).has_value();
}

std::vector<PreparedStep> Run::Impl::prepare(const std::vector<PlanStep>& steps) const {
  StepDecoder decode = decoder();
  Diagnostics diagnostics;
  std::vector<PreparedStep> prepared;
  for (const PlanStep& written : steps) {
    if (diagnostics.enough() || decode.lost_aliases()) break;
    const int index = next_step_ + static_cast<int>(prepared.size());
    if (std::optional<PreparedStep> ready = decode.decode(written, index, diagnostics))
      prepared.push_back(*std::move(ready));
  }
  diagnostics.throw_if_errors();
  for (const Diagnostic& warning : diagnostics.items()) events_.on(events::Warning{warning});
  return prepared;
}

StepsReport Run::Impl::perform(const std::vector<PlanStep>& steps) {
  const std::vector<PreparedStep> prepared = prepare(steps);
  StepsReport report;
  next_step_ += static_cast<int>(prepared.size());
  for (std::size_t i = 0; i < prepared.size() && !ended(); ++i) {
    throw_if_interrupted();
    const StepPlace place{static_cast<int>(i) + 1, static_cast<int>(prepared.size())};
    PlanRun::Position before = run_.position();
    if (!run_.do_step(prepared[i], place)) continue;
    ++report.steps;
    if (std::holds_alternative<Query>(prepared[i].step->action)) continue;  // nothing to take back
    ++report.edits;
    done_.push_back({std::move(before), prepared[i].index, steps[i]});
    undone_.clear();
  }
  run_.print_preview_totals();
  return report;
}

StepsReport Run::Impl::step(const std::shared_ptr<const SourceText>& text) {
  return perform(parse_submission(text, run_.options().environment));
}

StepsReport Run::Impl::open(const std::string& alias, const std::string& path) {
  return perform({load_step({alias, path, {}})});
}

StepsReport Run::Impl::save(const std::string& alias, const std::string& path) {
  PlanOutput output;
  output.path = path;
  output.model = alias;
  return perform({save_step(output)});
}

std::vector<TensorChange> Run::Impl::preview(const std::shared_ptr<const SourceText>& text) {
  const std::vector<PreparedStep> prepared = prepare(parse_submission(text, run_.options().environment));
  const PlanState state = run_.binder().state();
  std::vector<TensorChange> changes;
  run_.foresee(prepared, [&] { changes = changes_between(workspace_of(state), run_.binder().state().models.workspace); });
  return changes;
}

RunReport Run::Impl::write() {
  run_.finish();
  return run_.report();
}

bool Run::Impl::undo() {
  if (done_.empty()) return false;
  Undone undone{std::move(done_.back()), {}, next_step_};
  done_.pop_back();
  undone.result = run_.cut(undone.step.before);
  next_step_ = undone.step.number;
  undone_.push_back(std::move(undone));
  return true;
}

bool Run::Impl::redo() {
  if (undone_.empty()) return false;
  Undone undone = std::move(undone_.back());
  undone_.pop_back();
  run_.put_back(std::move(undone.result));
  next_step_ = undone.number;
  done_.push_back(std::move(undone.step));
  return true;
}

Workspace Run::Impl::workspace_of(const PlanState& state) const {
  Workspace before = state.models.workspace;
  for (const auto& [alias, input] : state.pending) {
    if (const StateDict* opened = run_.binder().models().opened_input(alias)) before.add(alias, *opened);
  }
  return before;
}

Delta Run::Impl::delta() const {
  if (done_.empty()) return {};
  return difference(workspace_of(done_.back().before.binder.state), run_.binder().state().models.workspace);
}

std::vector<DoneStep> Run::Impl::history() const {
  std::vector<DoneStep> steps(done_.size());
  Workspace after = run_.binder().state().models.workspace;
  for (std::size_t i = done_.size(); i-- > 0;) {
    Workspace before = workspace_of(done_[i].before.binder.state);
    for (const DeltaEntry& entry : difference(before, after)) {
      DoneStep& step = steps[i];
      ++(entry.kind == DeltaEntry::Kind::created   ? step.created
         : entry.kind == DeltaEntry::Kind::changed ? step.changed
                                                   : step.deleted);
    }
    steps[i].text = line_of(done_[i].written);
    after = std::move(before);
  }
  return steps;
}

std::string Run::Impl::plan_text() const {
  std::vector<ExecutedStep> kept;
  std::ranges::copy_if(run_.binder().executed(), std::back_inserter(kept), [&](const ExecutedStep& step) {
    return !std::holds_alternative<Query>(registries_.steps.find(step.schema->name)->action);
  });
  return summary_text(SummaryMode::resolve, run_.plan(), kept, registries_);
}

template <typename Visit>
void Run::Impl::for_each_tensor(const std::string& alias, std::string_view prefix, const Visit& visit) {
  if (!run_.look_into(alias)) return;
  const StateDict::Names& names = run_.binder().state().models.workspace.find(alias)->names();
  for (auto at = names.lower_bound(prefix); at != names.end() && at->first.starts_with(prefix); ++at)
    visit(at->first, at->second.expr);
}

std::vector<std::string> Run::Impl::names(const std::string& alias, std::string_view prefix) {
  std::vector<std::string> result;
  for_each_tensor(alias, prefix, [&](const std::string& name, const Expr&) { result.push_back(name); });
  return result;
}

std::vector<TensorInfo> Run::Impl::tensors(const std::string& alias, std::string_view prefix) {
  std::vector<TensorInfo> result;
  for_each_tensor(alias, prefix,
                  [&](const std::string& name, const Expr& expr) { result.push_back(tensor_info(name, expr)); });
  return result;
}

const Expr& Run::Impl::find_tensor(const std::string& alias, const std::string& name) {
  const StateDict* names = run_.look_into(alias) ? run_.binder().state().models.workspace.find(alias) : nullptr;
  if (names == nullptr) throw Error(ErrorCode::plan, fmt::format("there is no model '{}'", alias));
  const NamedTensor* tensor = names->find(name);
  if (tensor == nullptr) throw Error(ErrorCode::plan, "tensor does not exist: " + label_of(alias, name));
  return tensor->expr;
}

std::vector<std::string> Run::Impl::matching(const std::string& alias, const std::string& pattern) {
  const NamePattern filter = name_filter(pattern);
  MatchBudget budget;
  std::vector<std::string> result;
  for_each_tensor(alias, filter.literal_prefix(), [&](const std::string& name, const Expr&) {
    if (filter.matches(name, budget)) result.push_back(name);
  });
  return result;
}

TensorOrigin Run::Impl::origin(const std::string& alias, const std::string& name) {
  return tensor_origin(find_tensor(alias, name));
}

TensorPicture Run::Impl::picture(const PictureQuery& query) {
  return tensor_picture(query, find_tensor(query.alias, query.name), run_.data());
}

TensorBlock Run::Impl::block(const BlockQuery& query) {
  return tensor_block(query, find_tensor(query.alias, query.name), run_.data());
}

std::vector<double> Run::Impl::row_norms(const std::string& alias, const std::string& name) {
  return brainsurgery::row_norms(find_tensor(alias, name), run_.data());
}

std::optional<TensorDistance> Run::Impl::distance(const TensorName& a, const TensorName& b) {
  const Expr first = find_tensor(a.alias, a.name);  // opening the second one may move what the first one is in
  return tensor_distance(first, find_tensor(b.alias, b.name), run_.data());
}

TensorValue Run::Impl::value(const ValueQuery& query) {
  return tensor_value(query, find_tensor(query.alias, query.name), run_.data());
}

TensorProfile Run::Impl::profile(const ProfileQuery& query) {
  return tensor_profile(query, find_tensor(query.alias, query.name), run_.data());
}

}  // namespace brainsurgery
