// dump: tensors as a tree of their names.
#include "describe/dump_text.h"

#include "commands/families.h"
#include "commands/report_lines.h"

namespace brainsurgery {
namespace {

const std::vector<std::string> kLayouts{"tree", "compact", "json"};
const std::vector<std::string> kVerbosities{"shape", "stat", "full"};

struct DumpSpec {
  std::optional<TensorRef> target;
  DumpLayout layout = DumpLayout::compact;
  Verbosity verbosity = Verbosity::shape;
};

// What is dumped together.
struct Block {
  std::optional<std::string> root;  // the alias, where all of it is shown
  std::vector<FoundTensor> tensors;
};

DumpedTensor dumped(const FoundTensor& tensor, const DumpSpec& spec, DataSource& data) {
  DumpedTensor result{tensor.name, tensor.expr.desc(), spec.verbosity, {}, "", tensor.counts};
  const bool readable = is_readable(tensor.expr);
  if (!readable) result.unreadable = form_of(tensor.expr);
  if (spec.verbosity == Verbosity::stat && readable) result.statistics = data.statistics(tensor.expr);
  if (spec.verbosity == Verbosity::full) {
    const ValueSyntax syntax = spec.layout == DumpLayout::json ? ValueSyntax::json : ValueSyntax::python;
    const std::optional<DType> dtype = readable ? text_dtype(tensor.expr.dtype()) : std::nullopt;
    result.values = dtype ? values_text(syntax, *dtype, tensor.expr.shape(), data.values(cast(tensor.expr, *dtype)))
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
    for (const FoundTensor& tensor : block.tensors) tensors.push_back(dumped(tensor, spec, data));
    text += report_lines(dump_lines(spec.layout, block.root, tensors));
  }
  return text;
}

void dump(const DumpSpec& spec, QueryScope& plan) {
  std::vector<Block> blocks;
  if (spec.target) {
    blocks.push_back({std::nullopt, plan.select(*spec.target)});
    if (blocks.front().tensors.empty()) throw plan.no_match(*spec.target);
  } else {
    for (const std::string& alias : plan.aliases()) blocks.push_back({alias, plan.tensors_of(alias)});
  }
  for (Block& block : blocks) {
    for (FoundTensor& tensor : block.tensors) {
      tensor.counts = plan.count_read(tensor);
      plan.announce("dump: " + (block.root ? tensor.label() : tensor.name));
    }
  }
  plan.report({.make =
                   [spec, blocks = std::move(blocks)](DataSource& data) {
                     return ReportText{dump_text(blocks, spec, data), ""};
                   },
               .reads_values = spec.verbosity != Verbosity::shape});
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
