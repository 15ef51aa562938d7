#include "cli/written_plan.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace brainsurgery {
namespace {

// `${` as text for the interpolation, which reads a backslash before it as "no expression" and pairs of them as one.
std::string without_expressions(std::string_view text) {
  std::string result;
  std::size_t backslashes = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) result.append(backslashes + 1, '\\');
    backslashes = text[i] == '\\' ? backslashes + 1 : 0;
    result += text[i];
  }
  return result;
}

// Characters that YAML refuses, or takes for line breaks.
bool is_escaped(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c >= 0xfeff; }

}  // namespace

std::string yaml_quoted(const std::string& value) {
  const std::string plain = without_expressions(value);
  std::string_view text = plain;
  std::string result = "\"";
  const bool utf8 = is_valid_utf8(text);
  while (!text.empty()) {
    const CodePoint point = utf8 ? decode_utf8(text) : CodePoint{U' ', 1};
    const std::string_view bytes = text.substr(0, static_cast<std::size_t>(point.length));
    if (is_escaped(point.value)) {
      result += fmt::format("\\U{:08X}", static_cast<std::uint32_t>(point.value));
    } else {
      if (bytes == "\"" || bytes == "\\") result += '\\';
      result += bytes;
    }
    text.remove_prefix(bytes.size());
  }
  return result + '"';
}

Outcome<RunReport> run_written_plan(const PlanSource& plan, Session& session) {
  Outcome<RunReport> outcome = session.run(plan);
  if (outcome.ok()) return outcome;
  std::vector<Diagnostic> diagnostics = outcome.error().diagnostics();
  for (Diagnostic& item : diagnostics) item.span = {};
  return Error(outcome.error().code(), std::move(diagnostics));
}

}  // namespace brainsurgery
