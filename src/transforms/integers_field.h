// Fields that take an integer or a list of integers: dimensions, sizes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/schema.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

// One integer is a list of one; `is_one`, where it is given, says that it was written so.
template <typename Spec>
Field& add_integers(SchemaBuilder<Spec>& schema, std::vector<std::int64_t> Spec::*member, std::string name,
                    std::string one, bool Spec::*is_one = nullptr) {
  static const FieldTypePtr integers = list_of(scalar(Scalar::integer), 1);
  const auto is_list = [](const YamlNode& value) -> std::size_t { return value.is_sequence() ? 1 : 0; };
  const auto decode = [member, is_one, one = std::move(one)](const YamlNode& value, const FieldDecoder& decoder,
                                                             Spec& spec) {
    if (value.is_sequence() && value.items().empty()) return decoder.expected(value, "at least one " + one);
    if (value.is_sequence()) {
      spec.*member = decoder.at("", *integers).list(value, &FieldDecoder::integer).value_or(std::vector<std::int64_t>());
    } else if (const auto integer = decoder.integer(value)) {
      spec.*member = {*integer};
      if (is_one != nullptr) spec.*is_one = true;
    }
  };
  return schema.custom(std::move(name), one_of_types({scalar(Scalar::integer), integers}, is_list), decode);
}

}  // namespace brainsurgery
