#include "session/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "base/text.h"
#include "base/units.h"
#include "planner/reductions.h"
#include "session/binder.h"

namespace brainsurgery {
namespace {

std::string describe(const Materialization& made, int number) {
  std::string how = "random values";
  if (std::holds_alternative<Materialization::Matmul>(made.how)) how = "matmul";
  if (const auto* factors = std::get_if<Materialization::SingularFactors>(&made.how)) {
    how = fmt::format("singular factors of {}, {}", to_string(factors->matrix_desc.shape),
                      factors->exact ? "exact" : "krylov");
  }
  if (const auto* program = std::get_if<ProgramPtr>(&made.how)) how = to_string(**program);
  if (const auto* reduction = std::get_if<Materialization::Reduction>(&made.how)) how = to_string(*reduction);
  return fmt::format("  buffer {}: {} {} ({}), used {}: {}\n", number, to_string(made.desc.dtype),
                     to_string(made.desc.shape), format_size(made.bytes), counted(made.uses, "time"), how);
}

std::string describe(const Segment& segment) {
  std::string what;
  if (const auto* bytes = std::get_if<Segment::Bytes>(&segment.content)) {
    what = fmt::format("{} given bytes", bytes->bytes.size());
  } else if (const auto* copy = std::get_if<Segment::Copy>(&segment.content)) {
    what = fmt::format("copy {} @{}", escape_for_terminal(copy->from.file->path()), copy->from.offset);
  } else if (const auto* sum = std::get_if<Segment::Checksum>(&segment.content)) {
    what = fmt::format("CRC-32 of @{} to @{}", sum->begin, sum->end);
  } else {
    what = to_string(*std::get<CompiledTensor>(segment.content).program);
  }
  return fmt::format("  @{} {}: {}\n", segment.offset, format_size(segment.size), what);
}

std::string describe(const Stage& stage, const PhysicalPlan& plan, int number) {
  std::string text = fmt::format("  stage {}:", number);
  if (!stage.make.empty()) text += fmt::format(" make buffers {},", fmt::join(stage.make, " "));
  if (!stage.write.empty()) {
    const Segment& first = plan.segments()[stage.write.front()];
    const Segment& last = plan.segments()[stage.write.back()];
    text += fmt::format(" write {} of @{} to @{},", stage.write.size(), first.offset, last.offset + last.size);
  }
  return text + fmt::format(" with {} of whole tensors, {} mapped\n", format_size(stage.whole_bytes + stage.work_bytes),
                            format_size(stage.mapped_bytes));
}

std::string describe(const OutputFile& file, const std::string& path) {
  std::string text = fmt::format("{} {}{}{}: {}\n", file.is_carried ? "carried file" : "file",
                                 escape_for_terminal(path), file.name.empty() ? "" : "/",
                                 escape_for_terminal(file.name), format_size(file.plan->size()));
  for (const Stage& stage : file.stages) {
    for (const int buffer : stage.make) text += describe(file.plan->materializations()[buffer], buffer);
  }
  for (const Segment& segment : file.plan->segments()) text += describe(segment);
  int number = 0;
  for (const Stage& stage : file.stages) text += describe(stage, *file.plan, ++number);
  return text;
}

std::string describe(const BoundOutput& output) {
  const OutputReport& report = output.report;
  std::string text = fmt::format("{}: {} of '{}' ({}), {} copied unchanged, {} computed, {} read, {} written\n",
                                 escape_for_terminal(report.path), counted(report.tensors, "tensor"),
                                 escape_for_terminal(report.alias), report.reason, format_size(report.planned.copied),
                                 format_size(report.planned.computed), format_size(report.planned.read),
                                 format_size(report.planned.written));
  if (output.peak_bytes > 0)
    text += fmt::format("whole tensors in memory at one time: at most {}\n", format_size(output.peak_bytes));
  for (const DocumentChange& change : report.changes) text += escape_for_terminal(to_string(change)) + "\n";
  for (const OutputFile& file : output.files) text += describe(file, report.path);
  return text;
}

// When the effect is known.
std::string when_known(const Effect& effect, const BoundOutput* output) {
  if (!needs_data(effect)) return "from headers alone";
  if (output == nullptr) return "needs data";
  const Wanted wanted = wanted_by(effect);
  const auto with_output =
      std::ranges::count_if(wanted.numbers, [output](const Expr& number) { return output->finds_part_of(number); });
  if (with_output == 0) return "needs data";
  return with_output == std::ssize(wanted.numbers) && wanted.distinct.empty() ? "while the output is computed"
                                                                              : "partly while the output is computed";
}

// The passes that find the numbers of assertions and reports.
std::string describe(const ValuePlan& plan) {
  const std::vector<Materialization>& all = plan.materializations();
  std::string text;
  for (const Stage& stage : plan.stages({})) {
    for (const int buffer : stage.make) text += describe(all[static_cast<std::size_t>(buffer)], buffer);
  }
  return text;
}

std::string describe(const RunPlan& run, const SessionOptions& options) {
  const ValueCosts costs = value_costs(run, options);
  if (costs.passes == 0 && costs.read_bytes == 0) return "";
  std::string text = fmt::format("assertions and reports: {} read in {}\n", format_size(costs.read_bytes),
                                 costs.passes == 1 ? "1 pass" : fmt::format("{} passes", costs.passes));
  for (const RunPlan::Section& section : run.sections) text += describe(section.values) + describe(section.found);
  return text;
}

}  // namespace

std::string explain_plan(const Plan& plan, const Binder& binder, const RunPlan& run, const BoundOutput* output,
                         const SessionOptions& options, std::int64_t peak_bytes) {
  std::string text;
  for (const auto& [alias, model] : binder.state().models.beside) {
    if (model.input == nullptr) continue;
    text += fmt::format("input {}: {} ({})\n", escape_for_terminal(alias),
                        escape_for_terminal(model.input->checkpoint.path), counted(model.input->tensors, "tensor"));
  }
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    text += fmt::format("step {}: {} (line {})\n", i + 1, plan.steps[i].command, plan.steps[i].span.line);
  for (const Effect& effect : binder.effects()) {
    const std::string where = fmt::format(" of step {}: ", effect.step + 1);
    if (std::holds_alternative<CheckEffect>(effect.what))
      text += "assertion" + where + when_known(effect, output) + "\n";
    if (std::holds_alternative<ReportEffect>(effect.what)) text += "report" + where + when_known(effect, output) + "\n";
    if (const auto* save = std::get_if<SaveEffect>(&effect.what)) text += "save" + where + describe(*save->output);
  }
  text += describe(run, options);
  text += output == nullptr ? "no output\n" : "output " + describe(*output);
  const bool saves = std::ranges::any_of(
      binder.effects(), [](const Effect& effect) { return std::holds_alternative<SaveEffect>(effect.what); });
  return text + fmt::format("{} needs about {} of memory in total\n",
                            output == nullptr && !saves ? "running" : "writing", format_size(peak_bytes));
}

}  // namespace brainsurgery
