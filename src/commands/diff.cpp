// diff: what two sets of tensors differ in.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>

#include "base/text.h"
#include "commands/families.h"
#include "commands/report_lines.h"
#include "describe/diff_text.h"
#include "graph/conditions.h"

namespace brainsurgery {
namespace {

enum class Mode : std::uint8_t { refs, aliases, pair };
const std::vector<std::string> kModes{"refs", "aliases", "pair"};

struct DiffSpec {
  Mode mode = Mode::refs;
  std::optional<TensorRef> left, right;
  std::optional<std::string> left_alias, right_alias;
  std::optional<double> eps;
  bool fail = false;
};

std::optional<FieldProblem> problem_of_diff(const DiffSpec& spec) {
  const std::string& mode = kModes[static_cast<std::size_t>(spec.mode)];
  const bool takes_aliases = spec.mode == Mode::aliases;
  const std::array<std::tuple<const char*, bool, bool>, 4> keys{
      {{"left", spec.left.has_value(), !takes_aliases},
       {"right", spec.right.has_value(), !takes_aliases},
       {"left_alias", spec.left_alias.has_value(), takes_aliases},
       {"right_alias", spec.right_alias.has_value(), takes_aliases}}};
  for (const auto& [key, given, taken] : keys) {
    if (given && !taken) return FieldProblem{key, fmt::format("mode {} does not take '{}'", mode, key)};
  }
  for (const auto& [key, given, taken] : keys) {
    if (!given && taken) return FieldProblem{"", fmt::format("mode {} needs '{}'", mode, key)};
  }
  return std::nullopt;
}

// Two tensors that belong together, and under which name.
struct Pair {
  std::string name;
  FoundTensor left, right;
};

struct Pairing {
  DiffReport report;        // what names alone tell
  std::vector<Pair> pairs;  // sorted by name
};

// Of a pair.
struct NamedComparison {
  std::string name;
  ValueComparison values;  // their shapes and dtypes may differ
  Expr number = {};        // see difference_of; where they are held against each other
};

struct Comparison {
  DiffReport report;
  std::vector<NamedComparison> pairs;
  bool fail = false;
};

// A reference as the Python program writes it: a list with its entries in quotes.
std::string reference_text(const TensorRef& ref, const QueryScope& plan) {
  if (!ref.structured) return plan.describe(ref);
  std::string text;
  for (const std::string& token : ref.tokens) {
    const char quote = token.find('\'') != std::string::npos && token.find('"') == std::string::npos ? '"' : '\'';
    text += text.empty() ? "[" : ", ";
    text += quote;
    for (const char c : token) {
      if (c == '\\' || c == quote) text += '\\';
      text += c;
    }
    text += quote;
  }
  return fmt::format("{}::{}]", ref.alias ? *ref.alias : plan.default_alias().value_or(""), text);
}

// `left` and `right` are sorted by name.
void pair_equal_names(const std::vector<FoundTensor>& left, const std::vector<FoundTensor>& right, Pairing& result) {
  auto l = left.begin();
  auto r = right.begin();
  while (l != left.end() || r != right.end()) {
    if (r == right.end() || (l != left.end() && l->name < r->name)) {
      result.report.missing_on_right.push_back((l++)->name);
    } else if (l == left.end() || r->name < l->name) {
      result.report.missing_on_left.push_back((r++)->name);
    } else {
      result.pairs.push_back({l->name, *l, *r});
      ++l;
      ++r;
    }
  }
}

// Slices are taken of what is compared only: a tensor that is missing on the other side may be too small for it.
std::vector<FoundTensor> whole_matches(TensorRef ref, QueryScope& plan) {
  ref.slice.reset();
  return plan.select(ref);
}

Pairing paired(const DiffSpec& spec, QueryScope& plan) {
  Pairing result;
  if (spec.mode == Mode::aliases) {
    result.report.left = *spec.left_alias + "::.*";
    result.report.right = *spec.right_alias + "::.*";
    pair_equal_names(plan.tensors_of(*spec.left_alias), plan.tensors_of(*spec.right_alias), result);
    return result;
  }
  result.report.left = reference_text(*spec.left, plan);
  result.report.right = reference_text(*spec.right, plan);
  if (spec.mode == Mode::refs) {
    pair_equal_names(whole_matches(*spec.left, plan), whole_matches(*spec.right, plan), result);
    for (Pair& pair : result.pairs) {
      plan.take_slice(*spec.left, pair.left);
      plan.take_slice(*spec.right, pair.right);
    }
    return result;
  }
  for (auto& [left, right] : plan.select_pairs(*spec.left, *spec.right)) {
    if (right.expr) {
      result.pairs.push_back({fmt::format("{} <-> {}", left.name, right.name), std::move(left), std::move(right)});
    } else {
      result.report.missing_on_right.push_back(right.name);
    }
  }
  return result;
}

bool are_readable(const ValueComparison& values) { return is_readable(values.a) && is_readable(values.b); }

bool needs_data(const ValueComparison& values) {
  return are_readable(values) && values.a.desc() == values.b.desc();
}

// nullopt: they do not differ.
std::optional<std::string> difference(const NamedComparison& pair, DataSource& data) {
  const ValueComparison& values = pair.values;
  if (values.a.shape() != values.b.shape()) return shape_difference(values.a.shape(), values.b.shape());
  if (!are_readable(values)) return unreadable_difference(form_of(values.a), form_of(values.b));
  if (values.a.dtype() != values.b.dtype()) return dtype_difference(values.a.dtype(), values.b.dtype());
  const Difference found = brainsurgery::difference(values, data.numbers({pair.number}).front());
  if (!found.differs) return std::nullopt;
  return values_difference(found.max_abs ? std::optional(Distance{*found.max_abs, *values.eps}) : std::nullopt);
}

ReportText diff_text(const Comparison& comparison, DataSource& data) {
  DiffReport report = comparison.report;
  for (const NamedComparison& pair : comparison.pairs) {
    if (std::optional<std::string> reason = difference(pair, data))
      report.differing.push_back({pair.name, *std::move(reason)});
  }
  const auto findings =
      std::ssize(report.missing_on_left) + std::ssize(report.missing_on_right) + std::ssize(report.differing);
  ReportText text{report_lines(diff_lines(report)), fmt::format("diff: {} finding(s)", findings)};
  if (comparison.fail && findings > 0)
    text.failed = fmt::format("{} and {} differ: {}", report.left, report.right, counted(findings, "finding"));
  return text;
}

void diff(const DiffSpec& spec, QueryScope& plan) {
  Pairing pairing = paired(spec, plan);
  // A comparison that the plan depends on has to compare something.
  if (spec.fail && spec.left && pairing.pairs.empty() && pairing.report.missing_on_left.empty() &&
      pairing.report.missing_on_right.empty())
    throw plan.no_match(*spec.left);
  auto comparison = std::make_shared<Comparison>(Comparison{std::move(pairing.report), {}, spec.fail});
  for (Pair& pair : pairing.pairs) {
    plan.count_read(pair.left);
    plan.count_read(pair.right);
    comparison->pairs.push_back({std::move(pair.name), {pair.left.expr, pair.right.expr, spec.eps}});
  }
  Report report{.make = [comparison](DataSource& data) { return diff_text(*comparison, data); }};
  for (NamedComparison& pair : comparison->pairs) {
    if (!needs_data(pair.values)) continue;
    pair.number = difference_of(pair.values);
    report.numbers.push_back(pair.number);
  }
  plan.report(std::move(report));
}

}  // namespace

void add_diff(StepRegistry& registry) {
  SchemaBuilder<DiffSpec> schema(
      "diff", {"Prints the differences between two sets of tensors.",
               "refs compares the matches of two patterns that have equal names, aliases does it with all tensors of "
               "two models; pair compares each match of left with the tensor that right names. Findings are tensors "
               "missing on one side and different shapes, dtypes and values; NaN differs from NaN. The plan goes on "
               "unless fail is on. Each tensor that is compared counts one read.",
               "diff: {mode: aliases, left_alias: model, right_alias: tuned, eps: 1e-6}",
               "- load: {path: tiny_gpt2.safetensors, alias: tuned}"});
  schema.called_elsewhere({"compare"});
  schema.choice(&DiffSpec::mode, "mode", kModes).defaults_to("refs").doc("How tensors are paired.");
  schema.reference(&DiffSpec::left, "left", roles::source()).doc("refs, pair: one side.");
  schema.reference(&DiffSpec::right, "right", roles::source()).doc("refs: the other side; pair: its name.");
  schema.text(&DiffSpec::left_alias, "left_alias", Scalar::alias).doc("aliases: one side.");
  schema.text(&DiffSpec::right_alias, "right_alias", Scalar::alias).doc("aliases: the other side.");
  schema.tolerance(&DiffSpec::eps, "eps").doc("Largest difference still treated as equal.");
  schema.flag(&DiffSpec::fail, "fail").defaults_to("false").doc("A finding ends the run with exit status 1.");
  schema.check(problem_of_diff);
  registry.add(make_query<DiffSpec>(schema, diff));
}

}  // namespace brainsurgery
