// renumber: the numbers in names, as those of layers and experts.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "commands/families.h"
#include "formula/value.h"
#include "plan/name_pattern.h"
#include "plan/yaml_tree.h"
#include "steps/undo.h"

namespace brainsurgery {
namespace {

constexpr const char* kRenumber = "renumber";

struct RenumberSpec {
  TensorRef of;
  std::optional<std::vector<std::int64_t>> order;
};

std::string alias_of(const TensorRef& ref, const PlanScope& plan) {
  return ref.alias ? *ref.alias : plan.default_alias().value_or("");
}

// A name with a number in it, which tells the members of a group apart.
struct Numbered {
  std::string name;
  std::size_t begin, length;  // of the digits
  std::int64_t number;
};

std::string with_number(const Numbered& numbered, std::int64_t number) {
  std::string name = numbered.name;
  return name.replace(numbered.begin, numbered.length, std::to_string(number));
}

// By the captures before the number: the layers of an expert's number, for example.
using Groups = std::map<std::string, std::vector<Numbered>>;

// `of` as a pattern of whole names: what follows the last `$name` may be anything.
TensorRef whole_names(TensorRef of) {
  if (!of.structured) {
    throw Error(ErrorCode::plan, fmt::format("{}.of: '{}' names no number; write it as in model.layers.$i", kRenumber,
                                             of.text),
                of.span);
  }
  if (!of.tokens.back().starts_with('*')) of.tokens.emplace_back("*rest_of_the_name");
  of.expr.clear();
  return of;
}

// The place among the captures of the last `$name`.
std::size_t counted_capture(const TensorRef& of, const NamePattern& pattern) {
  std::string last;
  for (const std::string& token : of.tokens) {
    if (token.size() > 1 && token.starts_with('$')) last = token.substr(1);
  }
  for (const auto& [name, place] : pattern.named_captures()) {
    if (name == last) return place;
  }
  throw Error(ErrorCode::plan, fmt::format("{}.of: '{}' has no $name for the number", kRenumber, of.text), of.span);
}

Groups groups_of(const RenumberSpec& spec, PlanScope& plan) {
  const TensorRef of = whole_names(spec.of);
  const NamePattern pattern = NamePattern::compile(of, fmt::format("{}.of", kRenumber));
  const std::size_t counted = counted_capture(of, pattern);
  Groups groups;
  MatchBudget budget;
  for (const FoundTensor& tensor : plan.tensors_of(alias_of(spec.of, plan))) {
    const std::optional<Captures> captures = pattern.match(tensor.name, budget);
    if (!captures) continue;
    const std::string_view digits = (*captures)[counted].text;
    const PlanValue value = value_of_capture(digits);
    if (value.integer() == nullptr) {
      throw Error(ErrorCode::plan, fmt::format("{}.of: '{}' of {} is no number", kRenumber, digits, tensor.name),
                  spec.of.span);
    }
    const auto begin = static_cast<std::size_t>(digits.data() - (*captures)[0].text.data());
    groups[tensor.name.substr(0, begin)].push_back({tensor.name, begin, digits.size(), *value.integer()});
  }
  if (groups.empty()) throw plan.no_match(spec.of);
  return groups;
}

// The numbers that are there, in order: what closing the gaps makes 0, 1, 2, ...
std::vector<std::int64_t> numbers_of(const std::vector<Numbered>& group) {
  std::set<std::int64_t> numbers;
  for (const Numbered& numbered : group) numbers.insert(numbered.number);
  return {numbers.begin(), numbers.end()};
}

void renumber(const RenumberSpec& spec, PlanScope& plan) {
  std::vector<NameChange> changes;
  for (const auto& [prefix, group] : groups_of(spec, plan)) {
    const std::vector<std::int64_t> there = numbers_of(group);
    const std::vector<std::int64_t> order = spec.order.value_or(there);
    for (const std::int64_t number : order) {
      if (std::ranges::binary_search(there, number)) continue;
      throw Error(ErrorCode::plan, fmt::format("{}.order: there is no {}{}; the numbers go from {} to {}", kRenumber, prefix,
                                               number, there.front(), there.back()),
                  spec.of.span);
    }
    for (const Numbered& numbered : group) {
      NameChange change{numbered.name, {}};
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (order[i] == numbered.number) change.to.push_back(with_number(numbered, static_cast<std::int64_t>(i)));
      }
      changes.push_back(std::move(change));
    }
  }
  plan.change_names(alias_of(spec.of, plan), changes);
  plan.announce(fmt::format("{}: {} tensors", kRenumber, changes.size()));
}

UndoingStep numbered_back(const WrittenStep& written) {
  const YamlNode* order = written.payload.find("order");
  if (order == nullptr) cannot_undo(written, "nothing says which numbers were missing");
  const std::vector<std::int64_t> there = written_integers(*order);
  YamlItems back(there.size());
  for (std::size_t i = 0; i < there.size(); ++i) {
    const std::int64_t number = there[i];
    const bool is_place = number >= 0 && number < std::ssize(there);
    if (!is_place || back[static_cast<std::size_t>(number)] != nullptr)
      cannot_undo(written, "its 'order' drops or repeats numbers");
    back[static_cast<std::size_t>(number)] = YamlNode::plain(order->span(), std::to_string(i));
  }
  if (there.empty()) cannot_undo(written, "its 'order' is not written out");
  return {kRenumber, payload_with(written, "order", YamlNode::sequence(order->span(), std::move(back)))};
}

}  // namespace

void add_renumber(StepRegistry& registry) {
  SchemaBuilder<RenumberSpec> renumbering(
      kRenumber,
      {"Numbers layers or experts anew: keeps, drops, repeats and reorders them.",
       "The last `$name` is the number; each combination of what stands before it is numbered by itself. Entry k of "
       "`order` is the old number of what becomes k: numbers that are not listed are removed, those listed twice are "
       "copied. Without `order` gaps are closed.",
       "renumber: {of: h.$i, order: [1, 0, 1]}"});
  renumbering.called_elsewhere({"reindex", "prune_layers", "reorder"});
  renumbering.reference(&RenumberSpec::of, "of", roles::moved())
      .doc("The names up to the number, as in model.layers.$i.");
  renumbering.field(&RenumberSpec::order, "order").doc("The old numbers in their new order.");
  registry.add(make_control<RenumberSpec>(renumbering, renumber).undone_by(numbered_back));
}

}  // namespace brainsurgery
