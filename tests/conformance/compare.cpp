#include "conformance/compare.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace brainsurgery::conformance {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25));
}

double bfloat16_to_double(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

template <typename T, typename Convert>
std::vector<double> decode(const std::string& bytes, Convert convert) {
  std::vector<double> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value{};
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = convert(value);
  }
  return values;
}

bool is_float(const Tensor& tensor) { return tensor.dtype.front() == 'F' || tensor.dtype == "BF16"; }

std::vector<double> to_doubles(const Tensor& tensor) {
  const auto plain = [](auto value) { return static_cast<double>(value); };
  if (tensor.dtype == "F64") return decode<double>(tensor.bytes, plain);
  if (tensor.dtype == "F32") return decode<float>(tensor.bytes, plain);
  if (tensor.dtype == "F16") return decode<std::uint16_t>(tensor.bytes, half_to_double);
  if (tensor.dtype == "BF16") return decode<std::uint16_t>(tensor.bytes, bfloat16_to_double);
  throw std::runtime_error("no numeric comparison for dtype " + tensor.dtype);
}

bool close(double actual, double expected, double rtol, double atol) {
  if (std::isnan(actual) || std::isnan(expected)) return std::isnan(actual) && std::isnan(expected);
  return actual == expected || std::abs(actual - expected) <= atol + rtol * std::abs(expected);
}

std::string shape_text(const Tensor& tensor) { return tensor.dtype + json(tensor.shape).dump(); }

Problem compare_names(const Tensors& actual, const Tensors& expected) {
  for (const auto& [name, tensor] : expected) {
    const auto found = actual.find(name);
    if (found == actual.end()) return "tensor '" + name + "' is missing";
    if (found->second.dtype != tensor.dtype || found->second.shape != tensor.shape) {
      return "'" + name + "' is " + shape_text(found->second) + ", expected " + shape_text(tensor);
    }
  }
  for (const auto& [name, tensor] : actual) {
    if (!expected.contains(name)) return "tensor '" + name + "' is not expected";
  }
  return std::nullopt;
}

Problem compare_bytes(const Tensors& actual, const Tensors& expected, const std::set<std::string>& except = {}) {
  for (const auto& [name, tensor] : expected) {
    if (!except.contains(name) && actual.at(name).bytes != tensor.bytes) return "'" + name + "': bytes differ";
  }
  return std::nullopt;
}

Problem compare_close(const Tensors& actual, const Tensors& expected, const json& compare) {
  const double rtol = compare.value("rtol", 1e-5);
  const double atol = compare.value("atol", 1e-6);
  for (const auto& [name, tensor] : expected) {
    if (actual.at(name).bytes == tensor.bytes) continue;
    if (!is_float(tensor)) return "'" + name + "': bytes differ";
    const std::vector<double> got = to_doubles(actual.at(name));
    const std::vector<double> want = to_doubles(tensor);
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (!close(got[i], want[i], rtol, atol)) {
        return "'" + name + "' element " + std::to_string(i) + ": " + std::to_string(got[i]) + ", expected " +
               std::to_string(want[i]);
      }
    }
  }
  return std::nullopt;
}

std::vector<double> product(const Tensor& left, const Tensor& right) {
  const auto rows = static_cast<std::size_t>(left.shape.at(0));
  const auto inner = static_cast<std::size_t>(left.shape.at(1));
  const auto columns = static_cast<std::size_t>(right.shape.at(1));
  const std::vector<double> a = to_doubles(left);
  const std::vector<double> b = to_doubles(right);
  std::vector<double> result(rows * columns, 0.0);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k < inner; ++k) {
      for (std::size_t j = 0; j < columns; ++j) result[i * columns + j] += a[i * inner + k] * b[k * columns + j];
    }
  }
  return result;
}

double norm(const Tensor& tensor) {
  double sum = 0;
  for (const double value : to_doubles(tensor)) sum += value * value;
  return std::sqrt(sum);
}

// Factors are unique up to sign and rotation: their product and their sizes are what can be compared.
Problem compare_lowrank(const Tensors& actual, const Tensors& expected, const json& compare) {
  const auto pairs = compare.at("pairs").get<std::vector<std::pair<std::string, std::string>>>();
  std::set<std::string> factors;
  for (const auto& [left, right] : pairs) factors.insert({left, right});
  if (Problem problem = compare_bytes(actual, expected, factors)) return problem;
  for (const auto& [left, right] : pairs) {
    const std::vector<double> got = product(actual.at(left), actual.at(right));
    const std::vector<double> want = product(expected.at(left), expected.at(right));
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (!close(got[i], want[i], compare.at("rtol"), compare.at("atol"))) return left + " @ " + right + " differs";
    }
    for (const std::string& name : {left, right}) {
      if (!close(norm(actual.at(name)), norm(expected.at(name)), 1e-3, 1e-8)) return "'" + name + "': norm differs";
    }
  }
  return std::nullopt;
}

Problem compare_random(const Tensors& actual, const Tensors& expected, const json& compare) {
  std::set<std::string> drawn;
  for (const auto& [name, range] : compare.at("random").items()) drawn.insert(name);
  if (Problem problem = compare_bytes(actual, expected, drawn)) return problem;
  for (const auto& [name, range] : compare.at("random").items()) {
    for (const double value : to_doubles(actual.at(name))) {
      if (!(value >= range.at(0) && value <= range.at(1))) return "'" + name + "': outside " + range.dump();
    }
  }
  const json means = compare.value("mean", json::object());
  for (const auto& [name, mean] : means.items()) {
    const std::vector<double> values = to_doubles(actual.at(name));
    double sum = 0;
    for (const double value : values) sum += value;
    const double found = sum / static_cast<double>(values.size());
    if (!(std::abs(found - mean.at(0).get<double>()) <= mean.at(1))) return "'" + name + "': mean is off";
  }
  for (const json& pair : compare.value("equal", json::array())) {
    if (actual.at(pair.at(0)).bytes != actual.at(pair.at(1)).bytes) return pair.dump() + ": same seed, other values";
  }
  for (const json& pair : compare.value("distinct", json::array())) {
    if (actual.at(pair.at(0)).bytes == actual.at(pair.at(1)).bytes) return pair.dump() + ": other seed, same values";
  }
  return std::nullopt;
}

std::vector<std::string> trimmed_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    lines.push_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

Problem compare_text(const std::string& actual, const std::string& expected) {
  std::vector<std::string> got = trimmed_lines(actual);
  std::vector<std::string> want = trimmed_lines(expected);
  if (got == want) return std::nullopt;
  got.push_back("<end>");
  want.push_back("<end>");
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    if (got[i] != want[i]) {
      return "line " + std::to_string(i + 1) + ": '" + got[i] + "', expected '" + want[i] + "'";
    }
  }
  return "text differs in length";
}

bool same_yaml(const YAML::Node& a, const YAML::Node& b) {
  if (a.Type() != b.Type()) return false;
  if (a.IsScalar()) return a.Scalar() == b.Scalar();
  if (a.size() != b.size()) return false;
  if (a.IsSequence()) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same_yaml(a[i], b[i])) return false;
    }
  }
  if (a.IsMap()) {
    for (const auto& entry : a) {
      const YAML::Node other = b[entry.first.Scalar()];
      if (!other || !same_yaml(entry.second, other)) return false;
    }
  }
  return true;
}

Problem compare_yaml(const std::string& actual, const std::string& expected) {
  const Problem problem = compare_text(actual, expected);
  if (!problem) return std::nullopt;
  try {
    if (same_yaml(YAML::Load(actual), YAML::Load(expected))) return std::nullopt;
  } catch (const YAML::Exception& error) {
    return std::string("not YAML: ") + error.what();
  }
  return problem;
}

bool same_json(const json& actual, const json& expected, double rtol) {
  if (actual.is_number() && expected.is_number()) return close(actual, expected, rtol, 1e-9);
  if (actual.type() != expected.type() || actual.size() != expected.size()) return false;
  if (expected.is_array()) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!same_json(actual[i], expected[i], rtol)) return false;
    }
    return true;
  }
  if (expected.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      if (!actual.contains(key) || !same_json(actual[key], value, rtol)) return false;
    }
    return true;
  }
  return actual == expected;
}

Problem compare_json_lines(const std::string& actual, const std::string& expected, double rtol) {
  // Python's JSON has a bare NaN.
  const auto parse = [](const std::string& line) {
    return json::parse(std::regex_replace(line, std::regex("\\bNaN\\b"), "\"NaN\""));
  };
  const std::vector<std::string> got = trimmed_lines(actual);
  const std::vector<std::string> want = trimmed_lines(expected);
  if (got.size() != want.size()) return "other number of lines of JSON";
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!same_json(parse(got[i]), parse(want[i]), rtol)) return "line " + std::to_string(i + 1) + ": JSON differs";
  }
  return std::nullopt;
}

// Messages may be wrapped and framed.
std::string without_space(const std::string& text) {
  static constexpr std::string_view kFrame = "│";
  std::string squashed;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, kFrame.size(), kFrame) == 0) {
      i += kFrame.size() - 1;
    } else if (std::string_view(" \t\r\n|").find(text[i]) == std::string_view::npos) {
      squashed.push_back(text[i]);
    }
  }
  return squashed;
}

Problem compare_file(const fs::path& file, const json& expected, const json& compare) {
  if (expected.contains("json")) {
    return json::parse(read_file(file)) == expected.at("json") ? std::nullopt : Problem("JSON differs");
  }
  if (expected.contains("text")) return compare_yaml(read_file(file), recorded_text(expected.at("text")));
  const Tensors actual = expected.at("container") == "safetensors" ? read_safetensors(file) : read_checkpoint(file);
  return compare_tensors(actual, recorded_tensors(expected.at("tensors")), compare);
}

}  // namespace

Problem compare_tensors(const Tensors& actual, const Tensors& expected, const json& compare) {
  const std::string mode = compare.at("mode");
  if (Problem problem = compare_names(actual, expected)) return problem;
  if (mode == "bitwise" || mode == "dcp") return compare_bytes(actual, expected);
  if (mode == "allclose") return compare_close(actual, expected, compare);
  if (mode == "lowrank") return compare_lowrank(actual, expected, compare);
  if (mode == "random") return compare_random(actual, expected, compare);
  return "unknown mode " + mode;
}

Problem compare_output(const Case& test, const fs::path& folder) {
  std::set<std::string> written;
  if (fs::exists(folder / "out")) {
    for (const auto& entry : fs::recursive_directory_iterator(folder / "out")) {
      if (!entry.is_directory()) written.insert(fs::relative(entry.path(), folder).generic_string());
    }
  }
  for (const auto& [path, expected] : test.expect.items()) {
    // A directory stands for the files in it.
    const std::string inside = path + "/";
    const bool directory = fs::is_directory(folder / path);
    const std::size_t found =
        directory ? std::erase_if(written, [&inside](const std::string& file) { return file.starts_with(inside); })
                  : written.erase(path);
    if (found == 0) return "'" + path + "' was not written";
    try {
      if (const Problem problem = compare_file(folder / path, expected, test.compare)) return path + ": " + *problem;
    } catch (const std::exception& error) {
      return path + ": unreadable: " + error.what();
    }
  }
  if (!written.empty()) return "'" + *written.begin() + "' was written as well";
  return std::nullopt;
}

Problem compare_mentions(const std::string& text, const json& compare) {
  const std::string squashed = without_space(text);
  for (const json& word : compare.at("mention")) {
    if (squashed.find(without_space(word)) == std::string::npos) return "the message does not mention " + word.dump();
  }
  return std::nullopt;
}

Problem compare_stdout(const std::string& actual, const std::string& expected, const json& compare) {
  const std::string mode = compare.at("mode");
  if (mode == "text") return compare_text(actual, expected);
  if (mode == "yaml") return compare_yaml(actual, expected);
  if (mode == "json-lines") return compare_json_lines(actual, expected, compare.at("rtol"));
  if (mode != "keys") return "unknown mode " + mode;
  const std::regex word_pattern("[\\w-]+");
  std::set<std::string> words(std::sregex_token_iterator(actual.begin(), actual.end(), word_pattern), {});
  std::istringstream wanted(expected);
  for (std::string word; wanted >> word;) {
    if (!words.contains(word)) return "the output lacks '" + word + "'";
  }
  return std::nullopt;
}

}  // namespace brainsurgery::conformance
