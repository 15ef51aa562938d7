#include "formats/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "base/text.h"
#include "base/units.h"
#include "formats/digest.h"

namespace brainsurgery {

namespace {

constexpr JsonEscapes kEscapes = JsonEscapes::controls_only;

void append_tensor(std::string& json, const Checkpoint& checkpoint, const TensorEntry& tensor, bool digest) {
  json += "{\"name\": ";
  append_json_string(json, tensor.name, kEscapes);
  json +=
      ", \"dtype\": \"" + std::string(info(tensor.desc.dtype).name) + "\", \"shape\": " + to_string(tensor.desc.shape);
  json += ", \"nbytes\": " + std::to_string(byte_count(tensor.desc.dtype, tensor.desc.shape)) + ", \"file\": ";
  const std::string file = file_name_of(checkpoint, tensor);  // names of files may be any bytes
  append_json_string(json, is_valid_utf8(file) ? file : escape_for_terminal(file), kEscapes);
  if (digest) json += ", \"sha256\": \"" + sha256_of(tensor) + "\"";
  json.push_back('}');
}

std::vector<const TensorEntry*> sorted_by_name(const Checkpoint& checkpoint) {
  std::vector<const TensorEntry*> tensors;
  tensors.reserve(checkpoint.tensors.size());
  for (const TensorEntry& tensor : checkpoint.tensors) tensors.push_back(&tensor);
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorEntry* a, const TensorEntry* b) { return a->name < b->name; });
  return tensors;
}

}  // namespace

std::string inspect_text(const Checkpoint& checkpoint, bool digest) {
  std::string text;
  std::int64_t total = 0;
  for (const TensorEntry* tensor : sorted_by_name(checkpoint)) {
    const std::int64_t bytes = byte_count(tensor->desc.dtype, tensor->desc.shape);
    total += bytes;
    text += fmt::format("{:<8} {:<16} {:>10}  ", info(tensor->desc.dtype).name, to_string(tensor->desc.shape),
                        format_size(bytes));
    if (digest) text += sha256_of(*tensor) + "  ";
    text += escape_for_terminal(tensor->name) + "\n";
  }
  for (const auto& [key, value] : checkpoint.metadata)
    text += fmt::format("metadata {} = {}\n", escape_for_terminal(key), escape_for_terminal(value));
  return text + fmt::format("{} tensors, {} in {} {}\n", checkpoint.tensors.size(), format_size(total),
                            checkpoint.files.size(), checkpoint.files.size() == 1 ? "file" : "files");
}

std::string inspect_json(const Checkpoint& checkpoint, bool digest) {
  const std::vector<const TensorEntry*> tensors = sorted_by_name(checkpoint);
  std::string json = "{\"tensors\": [";
  const char* separator = "";
  for (const TensorEntry* tensor : tensors) {
    json += std::exchange(separator, ", ");
    append_tensor(json, checkpoint, *tensor, digest);
  }
  json += "], \"metadata\": {";
  separator = "";
  for (const auto& [key, value] : checkpoint.metadata) {
    json += std::exchange(separator, ", ");
    append_json_string(json, key, kEscapes);
    json += ": ";
    append_json_string(json, value, kEscapes);
  }
  return json + "}}";
}

}  // namespace brainsurgery
