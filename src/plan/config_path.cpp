#include "plan/config_path.h"

#include <fmt/format.h>

#include <charconv>

#include "plan/parameters.h"

namespace brainsurgery {
namespace {

constexpr std::string_view kParametersKey = "params";
constexpr std::string_view kDefault = "default";

}  // namespace

std::vector<std::string> steps_of(const ConfigPath& path) {
  std::vector<std::string> steps;
  for (const Frame& frame : path) steps.push_back(frame.step);
  return steps;
}

std::string shown(const ConfigPath& path) {
  std::string result;
  for (const Frame& frame : path) {
    result +=
        frame.container->is_sequence() ? fmt::format("[{}]", frame.step) : (result.empty() ? "" : ".") + frame.step;
  }
  return result;
}

const YamlNode* mappings_around(const ConfigPath& path) {
  std::size_t at = path.size();
  while (at > 1 && path[at - 1].container->is_sequence()) --at;
  const YamlNode* outermost = nullptr;
  for (; at > 1 && path[at - 1].container->is_mapping(); --at) outermost = path[at - 1].container;
  return outermost;
}

YamlPtr child_at(const YamlNode& container, const std::string& step) {
  if (!container.is_sequence()) return container.find_ptr(step);
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool good = problem == std::errc() && end == step.data() + step.size() && index < container.items().size();
  return good ? container.items()[index] : nullptr;
}

ConfigPath path_of_name(const YamlNode& root, const std::string& name) {
  if (root.find(name) != nullptr) return {{&root, name}};
  const YamlNode* parameters = root.find(kParametersKey);
  const YamlNode* parameter = parameters == nullptr ? nullptr : parameters->find(name);
  if (parameter == nullptr) return {};
  ConfigPath path{{&root, std::string(kParametersKey)}, {parameters, name}};
  if (!is_declaration(*parameter)) return path;
  if (parameter->find(kDefault) == nullptr) return {};
  path.push_back({parameter, std::string(kDefault)});
  return path;
}

YamlPtr value_of_name(const YamlNode& root, const std::string& name) {
  const ConfigPath path = path_of_name(root, name);
  return path.empty() ? nullptr : path.back().container->find_ptr(path.back().step);
}

bool name_lacks_value(const YamlNode& root, const std::string& name) {
  const YamlNode* parameters = root.find(kParametersKey);
  const YamlNode* parameter = parameters == nullptr ? nullptr : parameters->find(name);
  return parameter != nullptr && lacks_value(*parameter) && root.find(name) == nullptr;
}

std::vector<std::string> names_of(const YamlNode& root) {
  std::vector<std::string> result;
  for (const auto& [key, value] : root.entries()) result.push_back(key->text());
  if (const YamlNode* parameters = root.find(kParametersKey)) {
    for (const auto& [key, value] : parameters->entries()) result.push_back(key->text());
  }
  return result;
}

}  // namespace brainsurgery
