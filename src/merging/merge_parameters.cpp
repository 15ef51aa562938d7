#include "merging/merge_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "brainsurgery/error.h"
#include "plan/yaml_tree.h"

namespace brainsurgery::merging {
namespace {

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.starts_with('-');
  return whole ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> first_number(std::string_view name) {
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    if (const auto number = digits(name.substr(0, dot))) return number;
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_in(std::string_view name, const std::optional<NamePattern>& over) {
  if (!over) return first_number(name);
  const std::optional<Captures> captures = over->match(name);
  return captures ? digits((*captures)[1].text) : std::nullopt;
}

SchemaBuilder<Curve> curve_schema() {
  SchemaBuilder<Curve> schema("curve", {"A value that changes from block to block.", "", "{curve: [0, 0.5, 1], count: 32}"});
  const FieldTypePtr points = list_of(scalar(Scalar::number), 1);
  schema
      .custom("curve", points,
              [](const YamlNode& value, const FieldDecoder& decoder, Curve& curve) {
                if (auto given = decoder.list(value, &FieldDecoder::number)) curve.points = *std::move(given);
              })
      .require()
      .doc("Points of a polyline at equal distances, the first for the first block.");
  schema
      .custom("over", scalar(Scalar::pattern),
              [](const YamlNode& value, const FieldDecoder& decoder, Curve& curve) {
                curve.over = decoder.pattern(value);
              })
      .defaults_to("the first segment of digits")
      .doc("A pattern of the tensor's name with one capture: the number of the block.");
  schema.field(&Curve::first, "first").defaults_to("0").doc("The number of the first block.");
  schema.field(&Curve::count, "count").require().doc("How many blocks there are.");
  schema.check([](const Curve& curve) -> std::optional<FieldProblem> {
    if (curve.count < 1) return FieldProblem{"count", "must be 1 or more"};
    if (curve.over && curve.over->capture_count() != 1)
      return FieldProblem{"over", "the pattern must have one capture, the number of the block"};
    if (!std::ranges::all_of(curve.points, [](double point) { return std::isfinite(point); }))
      return FieldProblem{"curve", "must be finite numbers"};
    return std::nullopt;
  });
  return schema;
}

bool decode_number(const YamlNode& value, const FieldDecoder& decoder, ParameterRule& rule) {
  if (value.is_mapping()) {
    const auto curve = curve_schema().decoder()(value, decoder.context(), decoder.path());
    if (curve) rule.curve = *curve;
    return curve != nullptr;
  }
  const std::optional<double> number = decoder.number(value);
  if (number && !std::isfinite(*number)) {
    decoder.fail(value, "must be a finite number");
    return false;
  }
  if (number) rule.number = *number;
  return number.has_value();
}

FieldTypePtr number_type() {
  return one_of_types({scalar(Scalar::number), record_of(curve_schema().schema())},
                      [](const YamlNode& value) -> std::size_t { return value.is_mapping() ? 1 : 0; });
}

SchemaBuilder<ParameterRule> rule_schema() {
  SchemaBuilder<ParameterRule> schema("rule", {"A value for some tensors.", "", "{match: '.*mlp.*', value: 0.3}"});
  schema
      .custom("match", scalar(Scalar::pattern),
              [](const YamlNode& value, const FieldDecoder& decoder, ParameterRule& rule) {
                rule.match = decoder.pattern(value);
              })
      .defaults_to("all tensors")
      .doc("A pattern of the tensor's name.");
  schema
      .custom("value", number_type(),
              [](const YamlNode& value, const FieldDecoder& decoder, ParameterRule& rule) {
                static_cast<void>(decode_number(value, decoder, rule));
              })
      .require()
      .doc("The value of the tensors that match.");
  return schema;
}

}  // namespace

double Curve::at(std::string_view tensor) const {
  const std::optional<std::int64_t> number = number_in(tensor, over);
  if (!number) return points.front();
  const std::int64_t index = *number - first;
  if (index < 0 || index >= count) {
    throw Error(ErrorCode::plan, fmt::format("{} has the number {}, and the curve is for {} to {}", tensor, *number, first,
                                             first + count - 1));
  }
  const double t = count == 1 ? 1 : static_cast<double>(index) / static_cast<double>(count - 1);
  const double place = t * static_cast<double>(points.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= points.size()) return points.back();
  const double share = place - static_cast<double>(below);
  return (1 - share) * points[below] + share * points[below + 1];
}

std::optional<double> ParameterValue::at(std::string_view tensor) const {
  const auto matches = [tensor](const ParameterRule& rule) { return !rule.match || rule.match->match(tensor).has_value(); };
  const auto found = std::ranges::find_if(rules_, matches);
  if (found == rules_.end()) return std::nullopt;
  return found->curve ? found->curve->at(tensor) : found->number;
}

FieldTypePtr parameter_type() {
  const auto taken = [](const YamlNode& value) -> std::size_t {
    return value.is_sequence() ? 2 : value.is_mapping() ? 1 : 0;
  };
  return one_of_types({scalar(Scalar::number), record_of(curve_schema().schema()),
                       list_of(record_of(rule_schema().schema()), 1)},
                      taken);
}

std::optional<ParameterValue> parameter_value(const YamlNode& value, const FieldDecoder& decoder) {
  std::vector<ParameterRule> rules;
  if (!value.is_sequence()) {
    ParameterRule rule;
    if (!decode_number(value, decoder, rule)) return std::nullopt;
    return ParameterValue({std::move(rule)});
  }
  const FieldTypePtr list = list_of(record_of(rule_schema().schema()), 1);
  const auto decode = [one = rule_schema().decoder(), &rules](const FieldDecoder& item, const YamlNode& node) {
    if (!node.is_mapping()) item.expected(node, "a mapping with match and value");
    const auto rule = node.is_mapping() ? one(node, item.context(), item.path()) : nullptr;
    if (rule) rules.push_back(*rule);
    return rule != nullptr;
  };
  if (!decoder.at("", *list).each(value, decode)) return std::nullopt;
  return ParameterValue(std::move(rules));
}

}  // namespace brainsurgery::merging
