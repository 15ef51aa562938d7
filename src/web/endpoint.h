// The calls of the API as data: routes, checks of arguments, and the OpenAPI document are made from one table of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "web/json.h"

namespace brainsurgery::web {

struct Argument {
  enum class Type : std::uint8_t { text, integer, number, boolean, any };
  std::string_view name;
  Type type;
  bool required;
  std::string_view docs;
};

struct Endpoint {
  enum class Method : std::uint8_t { get, post };
  Method method;
  std::string_view path, summary;
  std::vector<Argument> arguments;
  // Of a request: whether a server that was started read-only refuses it.
  bool writes = false;
  // Called with checked arguments, by several threads. Throws Error.
  std::function<Json(const Json& arguments)> answer;
};

// The arguments of a URL, or of a body: unknown, missing and mistyped ones are refused. Throws Error(plan).
[[nodiscard]] Json query_arguments(const Endpoint& endpoint, const std::multimap<std::string, std::string>& query);
[[nodiscard]] Json body_arguments(const Endpoint& endpoint, std::string_view body);

// The OpenAPI 3.0 document of the endpoints.
[[nodiscard]] Json openapi(const std::vector<Endpoint>& endpoints);

// Of checked arguments.
[[nodiscard]] std::string text_argument(const Json& arguments, const char* name, std::string otherwise = "");
[[nodiscard]] std::int64_t integer_argument(const Json& arguments, const char* name, std::int64_t otherwise);

}  // namespace brainsurgery::web
