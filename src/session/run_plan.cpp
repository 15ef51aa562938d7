#include "session/run_plan.h"

#include <algorithm>
#include <utility>

#include "base/checked_math.h"
#include "base/interrupt.h"
#include "exec/memory_model.h"
#include "session/work_options.h"

namespace brainsurgery {
namespace {

void add_readable(ValuePlan& plan, const Expr& number) {
  try {
    plan.add(number);
  } catch (const Error& error) {
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
  }
}

Expr any_value(const Expr& reduction) {
  return literal(reduction.desc(),
                 std::vector<std::byte>(static_cast<std::size_t>(byte_count(reduction.dtype(), reduction.shape()))));
}

void know_found(ValuePlan& plan, const BoundOutput& files, const FoundValue& value) {
  if (files.passing == nullptr) return;
  for (int i = 0; i < static_cast<int>(files.passing->size()); ++i) {
    if (!files.found[static_cast<std::size_t>(i)]) continue;
    if (std::optional<Expr> known = value(i)) plan.know((*files.passing)[i], *std::move(known));
  }
}

void ask(RunPlan::Section& section, const Effect& effect) {
  Wanted wanted = wanted_by(effect);
  for (const Expr& number : wanted.numbers) {
    const bool waits = section.files != nullptr && section.files->finds_part_of(number);
    add_readable(waits ? section.found : section.values, number);
  }
  std::ranges::move(wanted.values, std::back_inserter(section.shown));
  std::ranges::move(wanted.distinct, std::back_inserter(section.distinct));
}

// Bytes that going through a tensor reads; 0 where its elements cannot be read.
std::int64_t readable_bytes(const Expr& tensor, const CompileOptions& options) {
  try {
    return walk_bytes(tensor, options);
  } catch (const Error& error) {
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
    return 0;
  }
}

void add_costs(const RunPlan::Section& section, const SessionOptions& options, ValueCosts& costs) {
  for (const ValuePlan* plan : {&section.values, &section.found}) {
    costs.read_bytes += read_bytes(*plan);
    costs.passes += pass_count(*plan);
    if (!plan->numbers().empty())
      costs.growth_bytes = std::max(costs.growth_bytes, predicted_growth(*plan, exec_options(options), options.threads));
  }
  for (const Expr& tensor : section.shown) {
    costs.read_bytes += readable_bytes(tensor, {options.fuse});
    costs.growth_bytes = std::max(costs.growth_bytes, byte_count(tensor.dtype(), tensor.shape()));
    ++costs.passes;
  }
  for (const checks::DistinctValues* condition : section.distinct) {
    const std::int64_t elements = element_count(condition->a.shape());
    const std::int64_t passes = distinct_passes(elements, options.memory_bytes);
    costs.read_bytes += checked_mul(passes, readable_bytes(condition->a, {options.fuse}), "the number of elements");
    costs.growth_bytes = std::max(costs.growth_bytes, distinct_bytes(elements, options.memory_bytes));
    costs.passes += static_cast<int>(std::min<std::int64_t>(passes, 1 << 20));
  }
}

}  // namespace

RunPlan run_plan(const std::vector<Effect>& effects, std::size_t first, const BoundOutput* output,
                 const SessionOptions& options, Askers askers) {
  RunPlan plan;
  for (std::size_t begin = first; begin <= effects.size();) {
    const auto rest = effects.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto save = std::find_if(rest, effects.end(), [](const Effect& effect) {
      return std::holds_alternative<SaveEffect>(effect.what);
    });
    RunPlan::Section& section = plan.sections.emplace_back(CompileOptions{options.fuse});
    section.begin = begin;
    section.end = static_cast<std::size_t>(save - effects.begin());
    section.files = save == effects.end() ? output : std::get<SaveEffect>(save->what).output.get();
    if (section.files != nullptr)
      know_found(section.found, *section.files, [&](int i) { return any_value((*section.files->passing)[i]); });
    for (std::size_t i = section.begin; i < section.end; ++i) {
      if (askers == Askers::all || std::holds_alternative<CheckEffect>(effects[i].what)) ask(section, effects[i]);
    }
    begin = section.end + 1;
  }
  return plan;
}

ValueCosts value_costs(const RunPlan& plan, const SessionOptions& options) {
  ValueCosts costs;
  for (const RunPlan::Section& section : plan.sections) add_costs(section, options, costs);
  return costs;
}

ValuePlan with_found(const RunPlan::Section& section, const SessionOptions& options, const FoundValue& value) {
  ValuePlan plan({options.fuse});
  if (section.files != nullptr) know_found(plan, *section.files, value);
  for (const Expr& number : section.found.numbers()) add_readable(plan, number);
  return plan;
}

}  // namespace brainsurgery
