#include "session/digests.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/json_text.h"
#include "base/sha256.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "documents/json_value.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kNamedTensors = 20;

using Tensor = ContentDigest::Tensor;

[[noreturn]] void refuse(const std::string& path, const std::string& problem) {
  throw Error(ErrorCode::plan, fmt::format("'{}' is no file of digests: {}", path, problem), {},
              {"brainsurgery digest --json CHECKPOINT prints one"});
}

std::string text_member(const JsonValue& object, std::string_view key, const std::string& path) {
  const JsonValue* value = object.find(key);
  const std::optional<std::string> text = value == nullptr ? std::nullopt : value->string();
  if (!text) refuse(path, fmt::format("a string '{}' is missing", key));
  return *text;
}

Tensor tensor_of(const JsonValue& object, const std::string& path) {
  Tensor tensor{text_member(object, "name", path), text_member(object, "dtype", path), {},
                text_member(object, "digest", path)};
  const JsonValue* shape = object.find("shape");
  if (shape == nullptr || shape->kind != JsonValue::Kind::array) refuse(path, "a list 'shape' is missing");
  for (const JsonValue& size : shape->items) {
    const std::optional<std::int64_t> number = size.integer();
    if (!number || *number < 0) refuse(path, fmt::format("the shape of '{}' is no list of sizes", tensor.name));
    tensor.shape.push_back(*number);
  }
  return tensor;
}

std::string difference_of(const Tensor& expected, const Tensor& found) {
  if (expected.dtype != found.dtype) return fmt::format("dtype {} instead of {}", found.dtype, expected.dtype);
  if (expected.shape != found.shape)
    return fmt::format("shape {} instead of {}", to_string(found.shape), to_string(expected.shape));
  return "other values";
}

std::vector<std::string> differences(const std::vector<Tensor>& expected, const std::vector<Tensor>& found) {
  std::map<std::string_view, const Tensor*> left;
  for (const Tensor& tensor : found) left.emplace(tensor.name, &tensor);
  std::vector<std::string> lines;
  for (const Tensor& tensor : expected) {
    const auto at = left.find(tensor.name);
    if (at == left.end()) {
      lines.push_back(fmt::format("{}: missing", tensor.name));
      continue;
    }
    if (at->second->digest != tensor.digest)
      lines.push_back(fmt::format("{}: {}", tensor.name, difference_of(tensor, *at->second)));
    left.erase(at);
  }
  for (const auto& [name, tensor] : left) lines.push_back(fmt::format("{}: not expected", name));
  return lines;
}

}  // namespace

std::string digest_text(const ContentDigest& digest, const std::string& path, bool each) {
  std::string text;
  if (each) {
    for (const Tensor& tensor : digest.tensors)
      text += fmt::format("{}  {}\n", tensor.digest, escape_for_terminal(tensor.name));
  }
  return text + fmt::format("{}  {}\n", digest.whole, escape_for_terminal(path));
}

std::string digest_json(const ContentDigest& digest) {
  std::string json = fmt::format("{{\"digest\": \"{}\", \"tensors\": [", digest.whole);
  const char* separator = "\n";
  for (const Tensor& tensor : digest.tensors) {
    json += separator;
    json += "{\"name\": ";
    append_json_string(json, tensor.name, JsonEscapes::controls_only);
    json += fmt::format(", \"dtype\": \"{}\", \"shape\": {}, \"digest\": \"{}\"}}", tensor.dtype,
                        to_string(tensor.shape), tensor.digest);
    separator = ",\n";
  }
  return json + "\n]}\n";
}

ExpectedContent read_expected(Env& env, const std::string& expected) {
  if (is_digest(expected)) return {"the digest given", expected, std::nullopt};
  if (expected.starts_with(kDigestPrefix))
    throw Error(ErrorCode::plan, fmt::format("'{}' is no digest", expected), {}, {std::string(kDigestNote)});
  const JsonValue root = parse_json(env.read_text(expected, std::int64_t{1} << 30), fmt::format("'{}'", expected));
  ExpectedContent content{fmt::format("'{}'", expected), text_member(root, "digest", expected),
                          std::vector<Tensor>()};
  const JsonValue* tensors = root.find("tensors");
  if (tensors == nullptr || tensors->kind != JsonValue::Kind::array) refuse(expected, "a list 'tensors' is missing");
  for (const JsonValue& tensor : tensors->items) content.tensors->push_back(tensor_of(tensor, expected));
  return content;
}

void require_equal(const ContentDigest& found, const ExpectedContent& expected, const std::string& what) {
  if (found.whole == expected.whole) return;
  std::vector<std::string> notes;
  std::string problem = fmt::format("its digest is {}, expected is {}", found.whole, expected.whole);
  if (expected.tensors) {
    notes = differences(*expected.tensors, found.tensors);
    problem = fmt::format("{} of {} differ", counted(std::ssize(notes), "tensor"), expected.tensors->size());
    if (notes.size() > kNamedTensors) {
      const std::size_t others = notes.size() - kNamedTensors;
      notes.resize(kNamedTensors);
      notes.push_back(fmt::format("and {}", counted(static_cast<std::int64_t>(others), "more tensor")));
    }
  }
  throw Error(ErrorCode::assertion, fmt::format("{} is not what {} says: {}", what, expected.source, problem), {},
              std::move(notes));
}

}  // namespace brainsurgery
