// What a field takes: a scalar, a list, a record with a schema of its own, a mapping of names of the user's choice, one
// of several types, or a step or an operator with its payload. Types are recursive and say nothing of C++: decoding,
// help, completion, the JSON Schema and summaries walk the same tree.
//
//   const FieldTypePtr dim = one_of_types({scalar(Scalar::integer), list_of(scalar(Scalar::integer))}, is_list);
//   noun(*dim)    // "integer, or list of integers"
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/role.h"

namespace brainsurgery {

class YamlNode;  // a value of a plan with its place

enum class Scalar : std::uint8_t {
  reference,
  boolean,
  flag,       // true or false, as text too
  number,     // as text too
  tolerance,  // a number that is not negative, and no text
  integer,
  dtype,
  choice,
  path,     // of a file or folder
  input,    // a path, or alias::path
  alias,    // of a model
  size,     // "5GB", or "none"
  pattern,  // a regular expression
  text,       // any
  plan_text,  // a plan as a string of YAML
  formula,
  any,    // whatever YAML can say
  topic,  // the name of a step, or {step: operator}
};

struct Schema;
struct FieldType;
using FieldTypePtr = std::shared_ptr<const FieldType>;

struct ScalarType {
  Scalar kind = Scalar::text;
  std::vector<std::string> choices = {};  // Scalar::choice
  std::optional<Role> role = {};          // Scalar::reference
};
struct ListType {
  FieldTypePtr each;
  std::size_t least = 0;
  bool nested = false;  // also one of `each` alone, and lists of lists
};
struct RecordType {
  std::shared_ptr<const Schema> schema;
};
struct MappingType {
  FieldTypePtr each;
};
struct OneOfType {
  std::vector<FieldTypePtr> alternatives;
  std::function<std::size_t(const YamlNode& value)> taken;  // which of them describes a value
};
// A mapping with one key, which is the name of a step or of an operator and has its payload.
struct NamedType {
  enum class Of : std::uint8_t { steps, operators };
  Of of;
};

struct FieldType {
  std::variant<ScalarType, ListType, RecordType, MappingType, OneOfType, NamedType> shape;
  std::string remark = {};  // behind the noun: "behind '='"
  std::string called = {};  // the noun; empty: what it is follows from the shape
};

[[nodiscard]] FieldTypePtr scalar(Scalar kind);
[[nodiscard]] FieldTypePtr choice_of(std::vector<std::string> choices);
[[nodiscard]] FieldTypePtr reference_type(Role role);
[[nodiscard]] FieldTypePtr list_of(FieldTypePtr each, std::size_t least = 0);
[[nodiscard]] FieldTypePtr nested_lists_of(FieldTypePtr each);
[[nodiscard]] FieldTypePtr record_of(Schema schema);
[[nodiscard]] FieldTypePtr mapping_of(FieldTypePtr each);
[[nodiscard]] FieldTypePtr one_of_types(std::vector<FieldTypePtr> alternatives,
                                        std::function<std::size_t(const YamlNode& value)> taken);
[[nodiscard]] FieldTypePtr one_step();
[[nodiscard]] FieldTypePtr one_operator();
// A step, or a list of them.
[[nodiscard]] FieldTypePtr steps_type();

[[nodiscard]] bool is_scalar(const FieldType& type, Scalar kind);
[[nodiscard]] bool is_list(const FieldType& type);
// The role of the references that the type holds; nullopt: it holds none.
[[nodiscard]] std::optional<Role> role_of(const FieldType& type);

// The type as messages and help call it: "number", "list of references", "one of uniform, normal".
[[nodiscard]] std::string noun(const FieldType& type);
// With its article: "a list of references".
[[nodiscard]] std::string with_article(const std::string& noun);

}  // namespace brainsurgery
