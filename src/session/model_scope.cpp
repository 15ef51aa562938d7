#include "session/model_scope.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/numbers.h"
#include "base/spelling.h"
#include "base/text.h"
#include "brainsurgery/tensor_ref.h"
#include "plan/expressions.h"
#include "plan/yaml_text.h"

namespace brainsurgery {
namespace {

constexpr std::array<std::string_view, 4> kModelNames{"config", "dtype", "file", "shape"};

[[noreturn]] void fail(std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, std::move(message), {}, std::move(notes));
}

const std::string& text_argument(std::string_view function, const std::vector<PlanValue>& arguments) {
  if (arguments.size() == 1 && arguments[0].text() != nullptr) return *arguments[0].text();
  fail(fmt::format("{} takes one string", function));
}

// The cells of a line. Quotes hold commas; two quotes within them are one.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += line[i++];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += line[i];
    }
  }
  return cells;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!trim(line).empty()) lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

PlanValue typed_cell(const std::string& text) { return value_of(*YamlNode::plain({}, std::string(trim(text)))); }

PlanValue csv_rows(std::string_view text, const std::string& path) {
  const std::vector<std::string> lines = lines_of(text);
  if (lines.empty()) return {PlanValue::List()};
  const std::vector<std::string> header = cells_of(lines.front());
  PlanValue::List rows;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> cells = cells_of(lines[i]);
    if (cells.size() != header.size())
      fail(fmt::format("row {} of '{}' has {} cells, the first line {}", i + 1, path, cells.size(), header.size()));
    PlanValue::Record row;
    for (std::size_t k = 0; k < cells.size(); ++k) row.emplace_back(trim(header[k]), typed_cell(cells[k]));
    rows.push_back({std::move(row)});
  }
  return {std::move(rows)};
}

PlanValue text_lines(std::string_view text) {
  PlanValue::List lines;
  for (const std::string& line : lines_of(text)) lines.push_back(typed_cell(line));
  return {std::move(lines)};
}

}  // namespace

bool is_model_name(std::string_view name) { return std::ranges::find(kModelNames, name) != kModelNames.end(); }

PlanValue value_of_json(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::null:
      return {};
    case JsonValue::Kind::boolean:
      return {value.text == "true"};
    case JsonValue::Kind::string:
      return {value.string().value_or("")};
    case JsonValue::Kind::number:
      if (const std::optional<std::int64_t> integer = value.integer()) return {*integer};
      return {parse_python_float(value.text == "Infinity" || value.text == "-Infinity" || value.text == "NaN"
                                     ? ascii_lower(value.text)
                                     : value.text)
                  .value_or(0)};
    case JsonValue::Kind::array: {
      PlanValue::List items;
      for (const JsonValue& item : value.items) items.push_back(value_of_json(item));
      return {std::move(items)};
    }
    case JsonValue::Kind::object:
      break;
  }
  PlanValue::Record members;
  for (const JsonMember& member : value.members) members.emplace_back(member.key, value_of_json(member.value));
  return {std::move(members)};
}

bool ModelScope::knows(std::string_view name) const {
  const auto is_parameter = [name](const auto& parameter) { return parameter.first == name; };
  return is_model_name(name) || std::ranges::any_of(parameters_, is_parameter);
}

std::optional<PlanValue> ModelScope::value(std::string_view name) const {
  if (name == "config") return call("config", {});
  const auto is_parameter = [name](const auto& parameter) { return parameter.first == name; };
  const auto found = std::ranges::find_if(parameters_, is_parameter);
  if (found == parameters_.end()) return std::nullopt;
  return value_of_parameter(found->first, found->second);
}

PlanValue ModelScope::value_of_parameter(const std::string& name, const YamlPtr& value) const {
  const std::string key = "parameter:" + name;
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  if (const auto again = std::ranges::find(evaluating_, name); again != evaluating_.end())
    fail(fmt::format("parameter '{}' refers to itself: {} -> {}", name, fmt::join(again, evaluating_.end(), " -> "),
                     name));
  evaluating_.push_back(name);
  PlanValue result = value_of(*explain(value, *this));
  evaluating_.pop_back();
  return known_.emplace(key, std::move(result)).first->second;
}

std::optional<PlanValue> ModelScope::call(std::string_view function, const std::vector<PlanValue>& arguments) const {
  if (function == "shape") {
    PlanValue::List sizes;
    for (const std::int64_t size : desc_of(text_argument(function, arguments)).shape) sizes.push_back({size});
    return PlanValue{std::move(sizes)};
  }
  if (function == "dtype") return PlanValue{to_string(desc_of(text_argument(function, arguments)).dtype)};
  if (function == "file") return contents_of(text_argument(function, arguments));
  if (function != "config") return std::nullopt;
  const std::string alias = alias_or_default(arguments.empty() ? std::string() : text_argument(function, arguments));
  const std::string key = "config:" + alias;
  const auto known = known_.find(key);
  return known != known_.end() ? known->second : known_.emplace(key, access_.config(alias)).first->second;
}

std::vector<std::string> ModelScope::names() const {
  std::vector<std::string> result{"config"};
  for (const auto& [name, value] : parameters_) result.push_back(name);
  return result;
}

const std::string& ModelScope::alias_or_default(const std::string& alias) const {
  if (!alias.empty()) return alias;
  if (default_alias_) return *default_alias_;
  fail("there are several models: name one, as in config('base')");
}

const TensorDesc& ModelScope::desc_of(const std::string& reference) const {
  const TensorRef ref = parse_tensor_ref(reference, {}, fmt::format("'{}'", reference), default_alias_.has_value());
  const std::string& alias = alias_or_default(ref.alias.value_or(""));
  const StateDict& names = access_.names(alias);
  if (const NamedTensor* tensor = names.find(ref.expr)) return tensor->expr.desc();
  NearestNames near(ref.expr, 3);
  for (const auto& [name, tensor] : names.names()) near.offer(name);
  std::vector<std::string> notes;
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  fail(fmt::format("tensor does not exist: {}::{}", alias, ref.expr), std::move(notes));
}

PlanValue ModelScope::contents_of(const std::string& path) const {
  const std::string key = "file:" + path;
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  const auto source = std::make_shared<SourceText>(SourceText{path, access_.read_text(path)});
  if (find_bad_character(source)) fail(fmt::format("'{}' is no text", path));
  PlanValue value;
  if (path.ends_with(".json")) {
    value = value_of_json(parse_json(source->text, fmt::format("'{}'", path)));
  } else if (path.ends_with(".yaml") || path.ends_with(".yml")) {
    Diagnostics diagnostics;
    const YamlPtr root = parse_yaml(source, diagnostics);
    diagnostics.throw_if_errors();
    value = value_of(*root);
  } else {
    value = path.ends_with(".csv") ? csv_rows(source->text, path) : text_lines(source->text);
  }
  return known_.emplace(key, std::move(value)).first->second;
}

}  // namespace brainsurgery
