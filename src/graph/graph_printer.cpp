// Expressions as text: one line, operands in parentheses. Deep and large graphs are cut.
#include <fmt/format.h>

#include "brainsurgery/expr.h"
#include "graph/visitor.h"

namespace brainsurgery {
namespace {

constexpr int kMaxDepth = 24;
constexpr int kMaxNodes =
    200;  // printed; a shared one counts each time: few nodes can have very many ways through them

std::string describe(const Region& region) {
  std::string text;
  for (const Region::Axis& axis : region.axes) {
    if (!text.empty()) text += ", ";
    text += axis.dropped ? fmt::format("{}", axis.start) : fmt::format("{}+{}", axis.start, axis.count);
    if (axis.step != 1) text += fmt::format("x{}", axis.step);
  }
  return "[" + text + "]";
}

struct Details {
  std::string operator()(const nodes::Source& node) const {
    const std::string strides = node.strides.empty() ? "" : fmt::format(" strides [{}]", fmt::join(node.strides, ", "));
    return fmt::format(" {} @{}{}", node.file->path(), node.offset, strides);
  }
  std::string operator()(const nodes::Random& node) const {
    const std::string key = node.key ? fmt::format(" key {}", *node.key) : "";
    return fmt::format(" seed {}{} ({}, {})", node.seed, key, node.a, node.b);
  }
  std::string operator()(const nodes::Unreadable& node) const { return " " + node.form; }
  std::string operator()(const nodes::Slice& node) const { return " " + describe(node.region); }
  std::string operator()(const nodes::Permute& node) const { return fmt::format(" [{}]", fmt::join(node.order, ", ")); }
  std::string operator()(const nodes::Map& node) const { return describe(*node.operation, node.parameters); }
  std::string operator()(const nodes::Reduce& node) const {
    return fmt::format("{} dims [{}]{}", describe(*node.reducer, node.parameters), fmt::join(node.axes, ", "),
                       node.keepdim ? " kept" : "");
  }
  std::string operator()(const nodes::Take& node) const { return fmt::format(" dim {}", node.dim); }
  std::string operator()(const nodes::Concat& node) const { return fmt::format(" dim {}", node.dim); }
  std::string operator()(const nodes::Overwrite& node) const { return " " + describe(node.region); }
  std::string operator()(const nodes::SingularFactors& node) const { return node.exact ? " exact" : " krylov"; }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

class Printer {
 public:
  std::string print(const Expr& expr, int depth) {
    if (depth > kMaxDepth) return "...";
    ++nodes_;
    const Node& node = expr.node();
    // Rows of a table bring their name.
    const bool is_row = as<nodes::Map>(expr) != nullptr || as<nodes::Reduce>(expr) != nullptr;
    std::string text = fmt::format("{}{} {} {}", is_row ? "" : kind_name(node), std::visit(Details{}, node.kind()),
                                   to_string(expr.dtype()), to_string(expr.shape()));
    std::string inner;
    for (const Expr& operand : operands(node)) {
      if (!inner.empty()) inner += ", ";
      if (nodes_ == kMaxNodes) {
        inner += "...";
        break;
      }
      inner += print(operand, depth + 1);
    }
    return inner.empty() ? text : text + " (" + inner + ")";
  }

 private:
  int nodes_ = 0;
};

}  // namespace

std::string_view kind_name(const Node& node) {
  struct Name {
#define BS_NODE(type, name) \
  std::string_view operator()(const nodes::type&) const { return name; }
#include "graph/nodes.def"
#undef BS_NODE
  };
  return std::visit(Name{}, node.kind());
}

std::string to_string(const Expr& expr) { return Printer().print(expr, 0); }

}  // namespace brainsurgery
