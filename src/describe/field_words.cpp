#include "describe/field_words.h"

#include <algorithm>
#include <iterator>

namespace brainsurgery {
namespace {

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!row.computes) continue;
    names.emplace_back(row.torch_name);
    names.insert(names.end(), row.aliases.begin(), row.aliases.end());
  }
  return names;
}

}  // namespace

std::vector<std::string> names_of(const std::vector<Schema>& schemas) {
  std::vector<std::string> names;
  for (const Schema& schema : schemas) names.push_back(schema.name);
  return names;
}

std::vector<std::string> words_for(const FieldType& type, const Catalog& catalog, const NameSources& sources,
                                   std::string_view word) {
  if (const auto* either = std::get_if<OneOfType>(&type.shape)) {
    std::vector<std::string> words;
    for (const FieldTypePtr& each : either->alternatives)
      std::ranges::move(words_for(*each, catalog, sources, word), std::back_inserter(words));
    return words;
  }
  const auto* scalar = std::get_if<ScalarType>(&type.shape);
  if (scalar == nullptr) return {};
  const auto from = [word](const auto& source) { return source ? source(word) : std::vector<std::string>(); };
  switch (scalar->kind) {
    case Scalar::choice:
      return scalar->choices;
    case Scalar::dtype:
      return dtype_names();
    case Scalar::boolean:
    case Scalar::flag:
      return {"true", "false"};
    case Scalar::reference:
      return from(sources.references);
    case Scalar::alias:
      return from(sources.aliases);
    case Scalar::path:
    case Scalar::input:
      return from(sources.paths);
    case Scalar::topic:
      return names_of(catalog.steps);
    default:
      return {};
  }
}

}  // namespace brainsurgery
