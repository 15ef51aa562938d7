#include "formats/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
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

// From what others stand out.
struct Usual {
  std::string_view dtype;      // of most tensors
  std::int64_t large_bytes = INT64_MAX;  // a tenth of all
};

Usual usual_of(const std::vector<Listed>& tensors) {
  std::map<std::string_view, std::int64_t> counts;
  std::int64_t bytes = 0;
  for (const Listed& listed : tensors) {
    ++counts[stored_type(*listed.tensor)];
    bytes = capped_sum(bytes, stored_bytes(*listed.tensor));
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  return {most == counts.end() ? std::string_view() : most->first, std::max<std::int64_t>(1, bytes / 10)};
}

std::string painted(std::string text, const char* code, bool paint) {
  return paint ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

// A name that is longer than its room, with its middle left out: its end says most. Escaped already. Where there is so
// little room that layers would look alike, the terminal may wrap it.
std::string cut(const std::string& name, std::int64_t room) {
  constexpr std::int64_t kLeast = 32;
  if (room < kLeast || std::ssize(name) <= room || !is_printable_ascii(name)) return name;
  const auto head = static_cast<std::size_t>(room / 3);
  const auto tail = static_cast<std::size_t>(room) - head - 1;
  return name.substr(0, head) + "\u2026" + name.substr(name.size() - tail);
}

std::string line_of(const Listed& listed, const InspectOptions& options, const Usual& usual) {
  const auto& [tensor, beside, digest] = listed;
  const bool paint = options.color;
  const std::int64_t bytes = stored_bytes(*tensor);
  const std::string_view dtype = stored_type(*tensor);
  const std::string shape = fmt::format("{:<16}", to_string(tensor->desc.shape));
  const std::string remark = beside                        ? "  (beside the model)"
                             : !tensor->unreadable.empty() ? "  (elements cannot be read)"
                                                           : "";
  std::string text = painted(fmt::format("{:<8}", dtype), "33", paint && dtype != usual.dtype) + " " + shape + " " +
                     painted(fmt::format("{:>10}", format_size(bytes)), "1", paint && bytes >= usual.large_bytes) + "  ";
  if (!digest.empty()) text += digest + "  ";
  constexpr std::int64_t kOtherColumns = 23;  // dtype, size, and blanks
  const std::int64_t used = kOtherColumns + std::ssize(shape) + (digest.empty() ? 0 : std::ssize(digest) + 2) +
                            std::ssize(remark);
  const std::string name = escape_for_terminal(tensor->name);
  return text + (options.columns > 0 ? cut(name, options.columns - used) : name) +
         painted(remark, "90", paint && !remark.empty()) + "\n";
}

}  // namespace

std::int64_t stored_bytes(const TensorEntry& tensor) {
  if (!tensor.unreadable.empty()) return 0;
  return tensor.stored ? tensor.stored->size : byte_count(tensor.desc.dtype, tensor.desc.shape);
}

std::int64_t capped_sum(std::int64_t a, std::int64_t b) { return try_add(a, b).value_or(INT64_MAX); }

std::string_view stored_type(const TensorEntry& tensor) {
  if (!tensor.unreadable.empty()) return tensor.unreadable;
  return tensor.stored ? tensor.stored->type : info(tensor.desc.dtype).name;
}

std::vector<const TensorEntry*> shown_tensors(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::vector<const TensorEntry*> tensors;
  tensors.reserve(checkpoint.tensors.size() + checkpoint.beside.size());
  for (const auto* list : {&checkpoint.tensors, &checkpoint.beside}) {
    for (const TensorEntry& tensor : *list) {
      if (!options.matches || options.matches(tensor)) tensors.push_back(&tensor);
    }
  }
  std::ranges::stable_sort(tensors, {}, [](const TensorEntry* tensor) { return std::string_view(tensor->name); });
  return tensors;
}

std::string inspect_text(const Checkpoint& checkpoint, const InspectOptions& options) {
  std::vector<Listed> tensors = listed_tensors(checkpoint, options);
  std::ranges::stable_sort(tensors, naturally_less,
                           [](const Listed& listed) -> std::string_view { return listed.tensor->name; });
  if (options.order == InspectOptions::Order::size) {
    std::ranges::stable_sort(tensors, std::ranges::greater(),
                             [](const Listed& listed) { return stored_bytes(*listed.tensor); });
  }
  const Usual usual = options.color ? usual_of(tensors) : Usual{};
  std::string text;
  for (const Listed& listed : tensors) text += line_of(listed, options, usual);
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
