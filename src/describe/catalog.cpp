#include "describe/catalog.h"

#include <algorithm>

namespace brainsurgery {
namespace {

const Schema* find(const std::vector<Schema>& sorted, std::string_view name) {
  const auto found =
      std::ranges::lower_bound(sorted, name, {}, [](const Schema& schema) -> std::string_view { return schema.name; });
  return found == sorted.end() || found->name != name ? nullptr : &*found;
}

}  // namespace

const Schema* Catalog::step(std::string_view name) const { return find(steps, name); }

const Schema* Catalog::operator_named(std::string_view name) const { return find(operators, name); }

Catalog make_catalog(std::vector<Schema> steps, std::vector<Schema> operators, Schema output) {
  std::ranges::sort(steps, {}, &Schema::name);
  std::ranges::sort(operators, {}, &Schema::name);
  return {std::move(steps), std::move(operators), std::move(output)};
}

bool takes_operator(const Schema& step) {
  return step.shorthand != nullptr && step.shorthand_only && step.shorthand->kind == FieldKind::predicate;
}

}  // namespace brainsurgery
