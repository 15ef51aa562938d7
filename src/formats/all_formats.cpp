// Every file format, in probing order. Formats that are only known by sight give the user a name for what he has.
#include <algorithm>

#include "base/text.h"
#include "brainsurgery/error.h"
#include "brainsurgery/format.h"
#include "formats/dcp.h"
#include "formats/gguf.h"
#include "formats/magic.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "formats/torch_file.h"

namespace brainsurgery {

namespace {

using Head = std::span<const std::byte>;

bool is_lfs_pointer(Head head, std::int64_t) { return begins_with(head, "version https://git-lfs"); }

// What a server sends instead of a file that is not there or not for everybody.
bool is_web_page(Head head, std::int64_t) {
  const std::string text = ascii_lower(trim({reinterpret_cast<const char*>(head.data()), head.size()}));
  return text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<?xml");
}

Format known_by_sight(std::string_view name, std::string_view description, std::vector<std::string_view> suffixes,
                      bool (*probe)(Head, std::int64_t), std::string_view advice = {}) {
  return {.name = name,
          .description = description,
          .suffixes = std::move(suffixes),
          .probe = probe,
          .read = nullptr,
          .advice = advice};
}

}  // namespace

FormatRegistry all_formats() {
  FormatRegistry formats;
  formats.add(safetensors_format());
  formats.add(npz_format());
  formats.add(torch_format());
  formats.add(dcp_format());
  formats.add(npy_format());
  formats.add(gguf_format());
  formats.add(known_by_sight("git-lfs", "a Git LFS pointer, not the file itself", {}, is_lfs_pointer,
                             "fetch the file with 'git lfs pull'"));
  formats.add(known_by_sight("web-page", "a web page, not the file itself", {}, is_web_page,
                             "download it again, logged in where the server asks for it"));
  return formats;
}

void FormatRegistry::add(Format format) {
  BS_CHECK(by_name(format.name) == nullptr);
  formats_.push_back(std::move(format));
}

const Format* FormatRegistry::by_name(std::string_view name) const {
  const auto found = std::find_if(formats_.begin(), formats_.end(), [&](const Format& f) { return f.name == name; });
  return found == formats_.end() ? nullptr : &*found;
}

const Format* FormatRegistry::by_suffix(std::string_view path) const {
  const std::string lower = ascii_lower(path);
  const auto found = std::find_if(formats_.begin(), formats_.end(), [&](const Format& format) {
    return std::any_of(format.suffixes.begin(), format.suffixes.end(),
                       [&](std::string_view suffix) { return lower.ends_with(suffix); });
  });
  return found == formats_.end() ? nullptr : &*found;
}

const Format* FormatRegistry::recognise(std::string_view path, std::span<const std::byte> head,
                                        std::int64_t size) const {
  const auto found = std::find_if(formats_.begin(), formats_.end(), [&](const Format& format) {
    return format.probe != nullptr && format.probe(head, size);
  });
  return found == formats_.end() ? by_suffix(path) : &*found;
}

std::vector<std::string> FormatRegistry::readable_names() const {
  std::vector<std::string> names;
  for (const Format& format : formats_) {
    if (format.read != nullptr) names.emplace_back(format.name);
  }
  return names;
}

std::vector<std::string> FormatRegistry::writable_names() const {
  std::vector<std::string> names;
  for (const Format& format : formats_) {
    if (format.is_writable()) names.emplace_back(format.name);
  }
  return names;
}

}  // namespace brainsurgery
