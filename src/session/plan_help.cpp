#include "session/plan_help.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "plan/parameters.h"
#include "plan/yaml_printer.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

// The lines of the comment at the top, without their signs.
std::string leading_comment(std::string_view text) {
  std::string comment;
  while (text.starts_with('#')) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(1, end - 1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    comment += escape_for_terminal(line) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return comment;
}

struct ParameterRow {
  std::string name, value, doc;
};

std::string value_text(const YamlNode* value) {
  if (value == nullptr) return "required";
  std::string text = print_yaml(*value);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return "default: " + std::string(trim(text));
}

ParameterRow row_of(const std::string& name, const YamlPtr& parameter) {
  if (!is_declaration(*parameter)) return {name, value_text(parameter.get()), ""};
  const YamlNode* type = parameter->find("type");
  const YamlNode* doc = parameter->find("doc");
  const std::string value = value_text(parameter->find("default"));
  return {name, type == nullptr ? value : fmt::format("{}, {}", type->text(), value), doc == nullptr ? "" : doc->text()};
}

std::string table_of(const YamlNode& params) {
  std::vector<ParameterRow> rows;
  for (const auto& [key, parameter] : params.entries()) rows.push_back(row_of(key->text(), parameter));
  std::size_t names = 0, values = 0;
  for (const ParameterRow& row : rows) {
    names = std::max(names, row.name.size());
    values = std::max(values, row.value.size());
  }
  std::string table = "Parameters (-p NAME=VALUE):\n";
  for (const ParameterRow& row : rows) {
    const std::string line = fmt::format("  {:<{}}  {:<{}}  {}", row.name, names, row.value, values, row.doc);
    table += escape_for_terminal(line.substr(0, line.find_last_not_of(' ') + 1)) + "\n";
  }
  return table;
}

}  // namespace

std::string plan_help(const std::shared_ptr<const SourceText>& plan) {
  Diagnostics diagnostics;
  const YamlPtr root = parse_yaml(plan, diagnostics);
  diagnostics.throw_if_errors();
  std::string text = leading_comment(plan->text);
  const YamlNode* params = root->find("params");
  if (params == nullptr || params->entries().empty()) return text + "This plan has no parameters.\n";
  return text + (text.empty() ? "" : "\n") + table_of(*params);
}

}  // namespace brainsurgery
