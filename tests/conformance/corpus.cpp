#include "conformance/corpus.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "brainsurgery/format.h"
#include "exec/executor.h"

namespace brainsurgery::conformance {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

CaseKind parse_kind(const std::string& word) {
  if (word == "output") return CaseKind::output;
  if (word == "error") return CaseKind::error;
  if (word == "stdout") return CaseKind::stdout_text;
  throw std::runtime_error("unknown kind of case '" + word + "'");
}

Case parse_case(const json& entry) {
  Case test;
  test.name = entry.at("name");
  test.kind = parse_kind(entry.at("kind"));
  test.arguments = entry.at("args").get<std::vector<std::string>>();
  test.inputs = entry.at("inputs").get<std::map<std::string, std::string>>();
  for (const auto& [path, lines] : entry.at("texts").items()) test.texts[path] = recorded_text(lines);
  test.standard_input = entry.value("stdin", "");
  test.may_extend = entry.value("may_extend", false);
  test.compare = entry.at("compare");
  test.expect = entry.at("expect");
  return test;
}

std::string from_hex(const std::string& hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw std::runtime_error("not a hexadecimal digit");
  };
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

void write_file(const fs::path& file, const std::string& content) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << content;
  if (!out) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

std::string recorded_text(const json& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\n") + lines[i].get<std::string>();
  return text;
}

std::vector<Case> read_corpus(const fs::path& folder) {
  std::vector<Case> corpus;
  for (const auto& entry : fs::directory_iterator(folder / "cases")) {
    if (entry.path().extension() != ".json") continue;
    const json area = json::parse(read_file(entry.path()));
    for (const json& item : area.at("cases")) corpus.push_back(parse_case(item));
  }
  std::sort(corpus.begin(), corpus.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return corpus;
}

void lay_out(const Case& test, const fs::path& corpus, const fs::path& target) {
  fs::create_directories(target);
  for (const auto& [path, source] : test.inputs) write_file(target / path, read_file(corpus / "inputs" / source));
  for (const auto& [path, text] : test.texts) write_file(target / path, text);
}

Tensors recorded_tensors(const json& recorded) {
  Tensors tensors;
  for (const auto& [name, value] : recorded.items()) {
    tensors[name] = Tensor{value.at(0), value.at(1).get<std::vector<std::int64_t>>(), from_hex(value.at(2))};
  }
  return tensors;
}

Tensors read_safetensors(const fs::path& file) {
  static_assert(std::endian::native == std::endian::little);
  const std::string content = read_file(file);
  std::uint64_t header_size = 0;
  if (content.size() < sizeof header_size) throw std::runtime_error("too short for a safetensors file");
  std::memcpy(&header_size, content.data(), sizeof header_size);
  if (header_size > content.size() - sizeof header_size) throw std::runtime_error("header reaches past the end");
  const json header = json::parse(content.substr(sizeof header_size, header_size));
  const std::string data = content.substr(sizeof header_size + header_size);
  Tensors tensors;
  std::size_t covered = 0;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    const auto begin = value.at("data_offsets").at(0).get<std::size_t>();
    const auto end = value.at("data_offsets").at(1).get<std::size_t>();
    if (begin > end || end > data.size()) throw std::runtime_error("'" + name + "' lies outside the file");
    covered += end - begin;
    tensors[name] =
        Tensor{value.at("dtype"), value.at("shape").get<std::vector<std::int64_t>>(), data.substr(begin, end - begin)};
  }
  if (covered != data.size()) throw std::runtime_error("tensors do not cover the data exactly");
  return tensors;
}

Tensors read_checkpoint(const fs::path& path) {
  const Checkpoint checkpoint = open_checkpoint(posix_env(), all_formats(), path.string());
  ThreadPool pool(1);
  Executor executor(pool, {}, nullptr);
  Tensors tensors;
  for (const TensorEntry& entry : checkpoint.tensors) {
    const std::vector<std::byte> bytes = executor.evaluate(source(entry.file, entry.offset, entry.desc, entry.strides));
    tensors[entry.unnamed ? "" : entry.name] =
        Tensor{std::string(info(entry.desc.dtype).name), entry.desc.shape,
               std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())};
  }
  return tensors;
}

}  // namespace brainsurgery::conformance
