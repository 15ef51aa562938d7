#include "web/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/spelling.h"
#include "brainsurgery/error.h"

namespace brainsurgery::web {
namespace {

using Type = Argument::Type;

std::string_view name_of(Type type) {
  switch (type) {
    case Type::text:
      return "string";
    case Type::integer:
      return "integer";
    case Type::number:
      return "number";
    case Type::boolean:
      return "boolean";
    case Type::any:
      break;
  }
  return "object";
}

bool is_of(Type type, const Json& value) {
  switch (type) {
    case Type::text:
      return value.is_string();
    case Type::integer:
      return value.is_number_integer();
    case Type::number:
      return value.is_number();
    case Type::boolean:
      return value.is_boolean();
    case Type::any:
      break;
  }
  return true;
}

[[noreturn]] void refuse(const std::string& message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, message, {}, std::move(notes));
}

const Argument& argument_named(const Endpoint& endpoint, const std::string& name) {
  const auto found = std::ranges::find(endpoint.arguments, name, &Argument::name);
  if (found != endpoint.arguments.end()) return *found;
  std::vector<std::string> names;
  for (const Argument& argument : endpoint.arguments) names.emplace_back(argument.name);
  refuse(fmt::format("{} has no argument '{}'", endpoint.path, name), did_you_mean(name, names));
}

void require_all(const Endpoint& endpoint, const Json& arguments) {
  for (const Argument& argument : endpoint.arguments) {
    if (argument.required && !arguments.contains(argument.name))
      refuse(fmt::format("{} needs the argument '{}'", endpoint.path, argument.name));
  }
}

// A value of a URL.
std::optional<Json> read(Type type, const std::string& text) {
  if (type == Type::text) return text;
  if (type == Type::boolean) return text == "true" ? std::optional<Json>(true) : text == "false" ? std::optional<Json>(false) : std::nullopt;
  const Json value = Json::parse(text, nullptr, false);
  return !value.is_discarded() && is_of(type, value) ? std::optional(value) : std::nullopt;
}

Json parameter(const Argument& argument) {
  return {{"name", argument.name},
          {"in", "query"},
          {"required", argument.required},
          {"description", argument.docs},
          {"schema", {{"type", name_of(argument.type)}}}};
}

Json body(const Endpoint& endpoint) {
  Json properties = Json::object(), required = Json::array();
  for (const Argument& argument : endpoint.arguments) {
    properties[argument.name] = {{"description", argument.docs}};
    if (argument.type != Type::any) properties[argument.name]["type"] = name_of(argument.type);
    if (argument.required) required.push_back(argument.name);
  }
  Json schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return {{"required", true}, {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

Json operation(const Endpoint& endpoint) {
  const auto response = [](const char* description) { return Json{{"description", description}}; };
  Json json{{"summary", endpoint.summary}};
  if (endpoint.method == Endpoint::Method::post) {
    json["requestBody"] = body(endpoint);
  } else if (!endpoint.arguments.empty()) {
    for (const Argument& argument : endpoint.arguments) json["parameters"].push_back(parameter(argument));
  }
  json["responses"] = {{"200", response("An object with ok: true, and what was asked for")},
                       {"400", response("An object with ok: false, error, and what the program says of it")},
                       {"401", response("The token is missing or wrong")},
                       {"403", response("The request comes from another page, or the server only reads")}};
  return json;
}

}  // namespace

Json query_arguments(const Endpoint& endpoint, const std::multimap<std::string, std::string>& query) {
  Json arguments = Json::object();
  for (const auto& [name, text] : query) {
    const Argument& argument = argument_named(endpoint, name);
    std::optional<Json> value = read(argument.type, text);
    if (!value) refuse(fmt::format("{}: '{}' must be of the type {}", endpoint.path, name, name_of(argument.type)));
    arguments[name] = *std::move(value);
  }
  require_all(endpoint, arguments);
  return arguments;
}

Json body_arguments(const Endpoint& endpoint, std::string_view body) {
  Json arguments = body.empty() ? Json::object() : object_of(body);
  for (auto at = arguments.begin(); at != arguments.end();) {
    const Argument& argument = argument_named(endpoint, at.key());
    if (at.value().is_null()) {
      at = arguments.erase(at);
      continue;
    }
    if (!is_of(argument.type, at.value()))
      refuse(fmt::format("{}: '{}' must be of the type {}", endpoint.path, at.key(), name_of(argument.type)));
    ++at;
  }
  require_all(endpoint, arguments);
  return arguments;
}

Json openapi(const std::vector<Endpoint>& endpoints) {
  Json paths = Json::object();
  for (const Endpoint& endpoint : endpoints)
    paths[endpoint.path][endpoint.method == Endpoint::Method::get ? "get" : "post"] = operation(endpoint);
  return {{"openapi", "3.0.3"},
          {"info", {{"title", "brainsurgery"}, {"version", "1"}}},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
          {"security", {{{"token", Json::array()}}}}};
}

std::string text_argument(const Json& arguments, const char* name, std::string otherwise) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? std::move(otherwise) : found->get<std::string>();
}

std::int64_t integer_argument(const Json& arguments, const char* name, std::int64_t otherwise) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? otherwise : found->get<std::int64_t>();
}

}  // namespace brainsurgery::web
