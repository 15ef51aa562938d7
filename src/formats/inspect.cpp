#include "formats/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "base/units.h"
#include "formats/digest.h"

namespace brainsurgery {

namespace {

struct Listed {
  const TensorEntry* tensor;
  bool beside;              // it does not belong to the model
  std::string digest = {};  // empty: not asked for
};

std::int64_t stored_bytes(const TensorEntry& tensor) {
  if (!tensor.unreadable.empty()) return 0;
  return tensor.stored ? tensor.stored->size : byte_count(tensor.desc.dtype, tensor.desc.shape);
}

// Meta tensors have no bytes in the file, so their number of elements can be anything.
std::int64_t capped_sum(std::int64_t a, std::int64_t b) { return try_add(a, b).value_or(INT64_MAX); }

// A value on a line: vocabularies have megabytes.
std::string shown_value(std::string_view value) {
  constexpr std::size_t kMost = 200;
  if (value.size() <= kMost) return escape_for_terminal(value);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;  // a character is not cut
  return fmt::format("{}... ({} bytes)", escape_for_terminal(value.substr(0, end)), value.size());
}

JsonEscapes escapes_of(const InspectOptions& options) {
  return options.for_terminal ? JsonEscapes::for_terminal : JsonEscapes::controls_only;
}

void append_tensor(std::string& json, const Checkpoint& checkpoint, const Listed& listed, JsonEscapes escapes) {
  const TensorEntry& tensor = *listed.tensor;
  json += "{\"name\": ";
  append_json_string(json, tensor.unnamed ? "" : tensor.name, escapes);
  if (tensor.unnamed) {
    json += ", \"called\": ";
    append_json_string(json, tensor.name, escapes);
  }
  json += ", \"dtype\": ";
  append_json_string(json, stored_type(tensor), escapes);
  json += ", \"shape\": " + to_string(tensor.desc.shape);
  json += ", \"nbytes\": " + std::to_string(stored_bytes(tensor)) + ", \"file\": ";
  const std::string_view file = file_name_of(checkpoint, tensor);  // names of files may be any bytes
  append_json_string(json, is_valid_utf8(file) ? file : std::string_view(escape_for_terminal(file)), escapes);
  if (!tensor.unreadable.empty()) json += ", \"unreadable\": true";
  if (!listed.digest.empty()) json += ", \"sha256\": \"" + listed.digest + "\"";
  if (listed.beside) json += ", \"beside\": true";
  json.push_back('}');
}

void add_digests(std::vector<Listed>& tensors, int threads) {
  ThreadPool pool(std::max(1, std::min(threads, static_cast<int>(tensors.size()))));
  for_each_index(pool, tensors.size(), [&](std::size_t i) {
    if (tensors[i].tensor->unreadable.empty()) tensors[i].digest = sha256_of(*tensors[i].tensor);
  });
}

std::vector<Listed> listed_tensors(const Checkpoint& checkpoint, const InspectOptions& options) {
  const TensorEntry* first_beside = checkpoint.beside.data();
  std::vector<Listed> tensors;
  for (const TensorEntry* tensor : shown_tensors(checkpoint, options)) {
    const bool beside = tensor >= first_beside && tensor < first_beside + checkpoint.beside.size();
    tensors.push_back({tensor, beside});
  }
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

std::string_view stored_type(const TensorEntry& tensor) {
  if (!tensor.unreadable.empty()) return tensor.unreadable;
  return tensor.stored ? tensor.stored->type : info(tensor.desc.dtype).name;
}

std::vector<const TensorEntry*> shown_tensors(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::vector<const TensorEntry*> tensors;
  tensors.reserve(checkpoint.tensors.size() + checkpoint.beside.size());
  for (const auto* list : {&checkpoint.tensors, &checkpoint.beside}) {
    for (const TensorEntry& tensor : *list) {
      if (!options.matches || options.matches(tensor.name)) tensors.push_back(&tensor);
    }
  }
  std::ranges::stable_sort(tensors, {}, [](const TensorEntry* tensor) { return std::string_view(tensor->name); });
  return tensors;
}

std::string inspect_text(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::vector<Listed> tensors = listed_tensors(checkpoint, options);
  std::ranges::stable_sort(tensors, naturally_less,
                           [](const Listed& listed) -> std::string_view { return listed.tensor->name; });
  std::string text;
  for (const auto& [tensor, beside, digest] : tensors) {
    text += fmt::format("{:<8} {:<16} {:>10}  ", stored_type(*tensor), to_string(tensor->desc.shape),
                        format_size(stored_bytes(*tensor)));
    if (!digest.empty()) text += digest + "  ";
    text += escape_for_terminal(tensor->name) + (beside ? "  (beside the model)" : "") +
            (tensor->unreadable.empty() ? "\n" : "  (elements cannot be read)\n");
  }
  return text + inspect_total(checkpoint, options);
}

std::string inspect_total(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::string text;
  for (const auto& [key, value] : checkpoint.metadata)
    text += fmt::format("metadata {} = {}\n", escape_for_terminal(key), shown_value(value));
  const std::vector<const TensorEntry*> shown = shown_tensors(checkpoint, options);
  std::int64_t bytes = 0, parameters = 0;
  for (const TensorEntry* tensor : shown) {
    bytes = capped_sum(bytes, stored_bytes(*tensor));
    parameters = capped_sum(parameters, element_count(tensor->desc.shape));
  }
  const std::string of_all = options.matches ? fmt::format("{} of ", shown.size()) : std::string();
  return text + fmt::format("{}{}, {}, {} in {} ({})\n", of_all,
                            counted(std::ssize(checkpoint.tensors) + std::ssize(checkpoint.beside), "tensor"),
                            counted(parameters, "parameter"), format_size(bytes),
                            counted(std::ssize(checkpoint.files), "file"), checkpoint.format);
}

std::string inspect_json(const Checkpoint& checkpoint, const InspectOptions& options) {
  const std::vector<Listed> tensors = listed_tensors(checkpoint, options);
  const JsonEscapes escapes = escapes_of(options);
  std::string json;
  json.reserve(usual_length(checkpoint, tensors));
  json += "{\"tensors\": [";
  const char* separator = "";
  for (const Listed& tensor : tensors) {
    json += std::exchange(separator, ", ");
    append_tensor(json, checkpoint, tensor, escapes);
  }
  json += "], \"metadata\": {";
  separator = "";
  for (const auto& [key, value] : checkpoint.metadata) {
    json += std::exchange(separator, ", ");
    append_json_string(json, key, escapes);
    json += ": ";
    append_json_string(json, value, escapes);
  }
  json += "}, \"format\": \"";
  json += checkpoint.format;
  json += "\"}";
  return json;
}

}  // namespace brainsurgery
