// dump: tensors as a tree of their names.
#include <algorithm>
#include <iterator>

#include "describe/dump_text.h"

#include "commands/families.h"
#include "commands/report_lines.h"
#include "graph/conditions.h"

namespace brainsurgery {
namespace {

const std::vector<std::string> kLayouts{"tree", "compact", "json"};
const std::vector<std::string> kVerbosities{"shape", "stat", "full"};

struct DumpSpec {
  std::optional<TensorRef> target;
  DumpLayout layout = DumpLayout::compact;
  Verbosity verbosity = Verbosity::shape;
};

struct ShownTensor {
  FoundTensor found;
  std::vector<Expr> statistics = {};  // Verbosity::stat; see statistics_of
  Expr values = {};                   // Verbosity::full, where they have a text: as their text_dtype
};

// What is dumped together.
struct Block {
  std::optional<std::string> root;  // the alias, where all of it is shown
  std::vector<ShownTensor> tensors;
};

DumpedTensor dumped(const ShownTensor& tensor, const DumpSpec& spec, DataSource& data) {
  const Expr& expr = tensor.found.expr;
  DumpedTensor result{tensor.found.name, expr.desc(), spec.verbosity, {}, "", tensor.found.counts};
  if (!is_readable(expr)) result.unreadable = form_of(expr);
  if (!tensor.statistics.empty()) result.statistics = statistics(data.numbers(tensor.statistics));
  if (spec.verbosity == Verbosity::full) {
    const ValueSyntax syntax = spec.layout == DumpLayout::json ? ValueSyntax::json : ValueSyntax::python;
    result.values = tensor.values
                        ? values_text(syntax, tensor.values.dtype(), expr.shape(), data.values(tensor.values))
                        : no_values(syntax);
  }
  return result;
}

std::string dump_text(const std::vector<Block>& blocks, const DumpSpec& spec, DataSource& data) {
  if (blocks.empty()) return spec.layout == DumpLayout::json ? "{}\n" : "\n";
  std::string text;
  for (const Block& block : blocks) {
    if (!text.empty() && spec.layout != DumpLayout::json) text += '\n';
    std::vector<DumpedTensor> tensors;
    tensors.reserve(block.tensors.size());
    for (const ShownTensor& tensor : block.tensors) tensors.push_back(dumped(tensor, spec, data));
    text += report_lines(dump_lines(spec.layout, block.root, tensors));
  }
  return text;
}

Block shown(std::optional<std::string> root, const std::vector<FoundTensor>& found) {
  Block block{std::move(root), {}};
  for (const FoundTensor& tensor : found) block.tensors.push_back({tensor});
  return block;
}

// What the report shows of the values.
void ask_for_values(const DumpSpec& spec, ShownTensor& tensor, Report& report) {
  const Expr& expr = tensor.found.expr;
  if (!is_readable(expr)) return;
  if (spec.verbosity == Verbosity::stat) tensor.statistics = statistics_of(expr);
  if (spec.verbosity == Verbosity::full) {
    if (const std::optional<DType> dtype = text_dtype(expr.dtype())) tensor.values = cast(expr, *dtype);
  }
  std::ranges::copy(tensor.statistics, std::back_inserter(report.numbers));
  if (tensor.values) report.values.push_back(tensor.values);
}

void dump(const DumpSpec& spec, QueryScope& plan) {
  std::vector<Block> blocks;
  if (spec.target) {
    blocks.push_back(shown(std::nullopt, plan.select(*spec.target)));
    if (blocks.front().tensors.empty()) throw plan.no_match(*spec.target);
  } else {
    for (const std::string& alias : plan.aliases()) blocks.push_back(shown(alias, plan.tensors_of(alias)));
  }
  Report report;
  for (Block& block : blocks) {
    for (ShownTensor& tensor : block.tensors) {
      tensor.found.counts = plan.count_read(tensor.found);
      plan.announce("dump: " + (block.root ? tensor.found.label() : tensor.found.name));
      ask_for_values(spec, tensor, report);
    }
  }
  report.make = [spec, blocks = std::move(blocks)](DataSource& data) {
    return ReportText{dump_text(blocks, spec, data), ""};
  };
  plan.report(std::move(report));
}

}  // namespace

void add_dump(StepRegistry& registry) {
  SchemaBuilder<DumpSpec> schema(
      "dump",
      {"Prints tensors as a tree of their names.",
       "Names are split at dots, and a segment of digits is an index. compact joins neighbouring indices of equal "
       "content, tree does not, json is one line. shape shows shapes; stat also minimum, maximum, mean and how often "
       "the plan used the tensor; full shows all values. Each tensor that is shown counts one read.",
       "dump: {target: 'h\\.0\\..*', verbosity: stat}"});
  schema.called_elsewhere({"print", "show", "list", "inspect", "info"});
  schema.reference(&DumpSpec::target, "target", roles::source())
      .defaults_to("all tensors of all models")
      .doc("The tensors to show.");
  schema.choice(&DumpSpec::layout, "format", kLayouts).defaults_to("compact").doc("How the tree is written.");
  schema.choice(&DumpSpec::verbosity, "verbosity", kVerbosities)
      .defaults_to("shape")
      .doc("How much is shown of each tensor.");
  registry.add(make_query<DumpSpec>(schema, dump));
}

}  // namespace brainsurgery
