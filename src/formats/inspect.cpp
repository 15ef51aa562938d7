#include "formats/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "base/units.h"
#include "formats/digest.h"

namespace brainsurgery {

namespace {

constexpr JsonEscapes kEscapes = JsonEscapes::controls_only;

struct Listed {
  const TensorEntry* tensor;
  bool beside;              // it does not belong to the model
  std::string digest = {};  // empty: not asked for
};

std::string_view stored_type(const TensorEntry& tensor) {
  return tensor.stored ? tensor.stored->type : info(tensor.desc.dtype).name;
}

std::int64_t stored_bytes(const TensorEntry& tensor) {
  return tensor.stored ? tensor.stored->size : byte_count(tensor.desc.dtype, tensor.desc.shape);
}

void append_tensor(std::string& json, const Checkpoint& checkpoint, const Listed& listed) {
  const TensorEntry& tensor = *listed.tensor;
  json += "{\"name\": ";
  append_json_string(json, tensor.unnamed ? "" : tensor.name, kEscapes);
  if (tensor.unnamed) {
    json += ", \"called\": ";
    append_json_string(json, tensor.name, kEscapes);
  }
  json += ", \"dtype\": \"" + std::string(stored_type(tensor)) + "\", \"shape\": " + to_string(tensor.desc.shape);
  json += ", \"nbytes\": " + std::to_string(stored_bytes(tensor)) + ", \"file\": ";
  const std::string_view file = file_name_of(checkpoint, tensor);  // names of files may be any bytes
  append_json_string(json, is_valid_utf8(file) ? file : std::string_view(escape_for_terminal(file)), kEscapes);
  if (!listed.digest.empty()) json += ", \"sha256\": \"" + listed.digest + "\"";
  if (listed.beside) json += ", \"beside\": true";
  json.push_back('}');
}

void add_digests(std::vector<Listed>& tensors, int threads) {
  ThreadPool pool(std::max(1, std::min(threads, static_cast<int>(tensors.size()))));
  for_each_index(pool, tensors.size(), [&](std::size_t i) { tensors[i].digest = sha256_of(*tensors[i].tensor); });
}

// Sorted by name.
std::vector<Listed> listed_tensors(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::vector<Listed> tensors;
  tensors.reserve(checkpoint.tensors.size() + checkpoint.beside.size());
  for (const TensorEntry& tensor : checkpoint.tensors) tensors.push_back({&tensor, false});
  for (const TensorEntry& tensor : checkpoint.beside) tensors.push_back({&tensor, true});
  std::ranges::stable_sort(tensors, {}, [](const Listed& listed) { return std::string_view(listed.tensor->name); });
  if (options.digest) add_digests(tensors, options.threads);
  return tensors;
}

// Of the JSON, so that it need not grow by doubling, which takes three times as much memory.
std::size_t usual_length(const Checkpoint& checkpoint, const std::vector<Listed>& tensors) {
  constexpr std::size_t kFields = 128, kDigestField = 14;
  std::size_t sum = 0;
  for (const Listed& listed : tensors) {
    sum += listed.tensor->name.size() + file_name_of(checkpoint, *listed.tensor).size() + kFields;
    if (!listed.digest.empty()) sum += listed.digest.size() + kDigestField;
  }
  return sum;
}

}  // namespace

std::string inspect_text(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::string text;
  std::int64_t total = 0;
  for (const auto& [tensor, beside, digest] : listed_tensors(checkpoint, options)) {
    const std::int64_t bytes = stored_bytes(*tensor);
    total += bytes;
    text +=
        fmt::format("{:<8} {:<16} {:>10}  ", stored_type(*tensor), to_string(tensor->desc.shape), format_size(bytes));
    if (!digest.empty()) text += digest + "  ";
    text += escape_for_terminal(tensor->name) + (beside ? "  (beside the model)\n" : "\n");
  }
  for (const auto& [key, value] : checkpoint.metadata)
    text += fmt::format("metadata {} = {}\n", escape_for_terminal(key), escape_for_terminal(value));
  text += fmt::format("{}, {} in {} ({})\n",
                      counted(std::ssize(checkpoint.tensors) + std::ssize(checkpoint.beside), "tensor"),
                      format_size(total), counted(std::ssize(checkpoint.files), "file"), checkpoint.format);
  return text;
}

std::string inspect_json(const Checkpoint& checkpoint, const InspectOptions& options) {
  const std::vector<Listed> tensors = listed_tensors(checkpoint, options);
  std::string json;
  json.reserve(usual_length(checkpoint, tensors));
  json += "{\"tensors\": [";
  const char* separator = "";
  for (const Listed& tensor : tensors) {
    json += std::exchange(separator, ", ");
    append_tensor(json, checkpoint, tensor);
  }
  json += "], \"metadata\": {";
  separator = "";
  for (const auto& [key, value] : checkpoint.metadata) {
    json += std::exchange(separator, ", ");
    append_json_string(json, key, kEscapes);
    json += ": ";
    append_json_string(json, value, kEscapes);
  }
  json += "}, \"format\": \"";
  json += checkpoint.format;
  json += "\"}";
  return json;
}

}  // namespace brainsurgery
