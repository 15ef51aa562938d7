// What a NamePattern holds; shared with the compiler of templates, which needs the groups and variables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plan/name_pattern.h"
#include "plan/regex_engine.h"
#include "plan/structured_pattern.h"

namespace brainsurgery {

// Either `regex` or `list` is set.
class NamePattern::Impl {
 public:
  std::string text;
  std::unique_ptr<const RegexEngine> regex;
  std::unique_ptr<const StructuredPattern> list;
  std::vector<std::int16_t> head;  // as in PythonRegex
  std::string prefix;              // of head, up to its first wildcard
  bool literal = false;

  void set_head(std::vector<std::int16_t> new_head);
};

}  // namespace brainsurgery
