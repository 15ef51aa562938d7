#include "describe/catalog.h"

#include <algorithm>

namespace brainsurgery {
namespace {

const Schema* find(const std::vector<Schema>& sorted, std::string_view name) {
  const auto found =
      std::ranges::lower_bound(sorted, name, {}, [](const Schema& schema) -> std::string_view { return schema.name; });
  return found == sorted.end() || found->name != name ? nullptr : &*found;
}

bool is_one_operator(const FieldType& type) {
  const auto* named = std::get_if<NamedType>(&type.shape);
  return named != nullptr && named->of == NamedType::Of::operators;
}

}  // namespace

const Schema* Catalog::step(std::string_view name) const { return find(steps, name); }

const Schema* Catalog::operator_named(std::string_view name) const { return find(operators, name); }

const Schema* Catalog::section(std::string_view name) const { return find(sections, name); }

Catalog make_catalog(std::vector<Schema> steps, std::vector<Schema> operators, const FormatNames& formats) {
  std::ranges::sort(steps, {}, &Schema::name);
  std::ranges::sort(operators, {}, &Schema::name);
  return {std::move(steps), std::move(operators), {inputs_schema(), output_schema(formats)}, plan_schema(formats)};
}

bool takes_operator(const Schema& step) {
  return step.shorthand != nullptr && step.shorthand_only && is_one_operator(*step.shorthand->type);
}

}  // namespace brainsurgery
