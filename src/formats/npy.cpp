// An .npy file:
//
//   0             6       7       8                  10 (12)
//   +-------------+-------+-------+------------------+------------------------------------------------+----------+
//   | 93 "NUMPY"  | major | minor | N: u16 (u32 from | {'descr': '<f4', 'fortran_order': False,       | elements |
//   |             |       |       | version 2 on)    |  'shape': (2, 3), }, spaces, newline: N bytes  |          |
//   +-------------+-------+-------+------------------+------------------------------------------------+----------+
//
// An .npz file is a zip archive with such a file as each entry, stored or deflated; zip_directory.cpp draws archives.
#include "formats/npy.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "formats/adapted_file.h"
#include "formats/little_endian.h"
#include "formats/magic.h"
#include "formats/npy_header.h"
#include "formats/safetensors.h"
#include "formats/torch_zip.h"
#include "formats/zip_directory.h"
#include "formats/zip_writer.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kSuffix = ".npy";

bool looks_like_npy(std::span<const std::byte> head, std::int64_t) { return begins_with(head, "\x93NUMPY"); }

// A zip archive whose first entry is an array: the name follows the 30 bytes of the entry's header. No file system
// gives PyTorch's folders a name that is longer than `head`.
bool looks_like_npz(std::span<const std::byte> head, std::int64_t) {
  constexpr std::size_t kLocalHeader = 30, kNameLength = 26;
  if (!begins_with(head, "PK\x03\x04") || head.size() <= kLocalHeader) return false;
  const std::string_view bytes(reinterpret_cast<const char*>(head.data()), head.size());
  const std::size_t length = static_cast<std::size_t>(little_endian(bytes.substr(kNameLength, 2)));
  return kLocalHeader + length > bytes.size() || bytes.substr(kLocalHeader, length).ends_with(kSuffix);
}

// The array whose content begins at `begin` of `file`.
TensorEntry entry_of(std::string name, NpyHeader header, std::shared_ptr<const ReadableFile> file, std::int64_t begin) {
  TensorEntry entry{std::move(name), std::move(header.desc), std::move(file), begin + header.data_begin};
  if (!header.unreadable.empty()) {
    entry.unreadable = std::move(header.unreadable);
    return entry;
  }
  const auto& [dtype, shape] = entry.desc;
  const std::int64_t part = item_size(dtype) / (info(dtype).kind == DTypeClass::complex ? 2 : 1);
  if (header.big_endian && part > 1) {
    entry.file = byte_swapped(std::move(entry.file), entry.offset, byte_count(dtype, shape), static_cast<int>(part));
    entry.offset = 0;
  }
  if (header.column_major && shape.size() > 1) {
    std::vector<std::int64_t> strides = row_major_strides(Shape(shape.rbegin(), shape.rend()));
    std::reverse(strides.begin(), strides.end());
    if (!is_packed(shape, strides)) entry.strides = std::move(strides);
  }
  return entry;
}

std::string head_of(const ReadableFile& file, std::int64_t begin, std::int64_t size) {
  std::string head(static_cast<std::size_t>(std::min(size, kMaxNpyHead)), '\0');
  file.read(begin, std::as_writable_bytes(std::span(head)));
  return head;
}

// The beginning of a deflated array. Its header is read this way first, so that no more is ever inflated than it
// promises.
std::string deflated_head(const ReadableFile& file, const ZipEntry& entry, const std::string& context) {
  constexpr std::int64_t kEnough = 2 * kMaxNpyHead;  // deflated data are hardly longer than what they give
  std::string deflated(static_cast<std::size_t>(std::min(entry.stored_size, kEnough)), '\0');
  file.read(entry.offset, std::as_writable_bytes(std::span(deflated)));
  return inflate_beginning(deflated, std::min(entry.size, kMaxNpyHead), context);
}

TensorEntry read_entry(const std::shared_ptr<const ReadableFile>& file, const ZipEntry& entry,
                       const std::string& context) {
  std::string name = entry.name.substr(0, entry.name.size() - kSuffix.size());
  if (!is_valid_utf8(name)) throw Error(ErrorCode::run, context + ": its name is not UTF-8");
  if (!entry.deflated) {
    NpyHeader header = parse_any_npy_header(head_of(*file, entry.offset, entry.size), entry.size, context);
    return entry_of(std::move(name), std::move(header), file, entry.offset);
  }
  NpyHeader header = parse_any_npy_header(deflated_head(*file, entry, context), entry.size, context);
  auto plain = inflated(file, entry.offset, entry.stored_size, entry.size, context);
  return entry_of(std::move(name), std::move(header), std::move(plain), 0);
}

}  // namespace

FileContents read_npy(std::shared_ptr<const ReadableFile> file) {
  const std::int64_t size = file->status().size;
  NpyHeader header = parse_npy_header(head_of(*file, 0, size), size, in_quotes(file->path()) + ": invalid npy file");
  FileContents contents;
  contents.tensors.push_back(entry_of("", std::move(header), std::move(file), 0));
  contents.tensors.back().unnamed = true;
  return contents;
}

FileContents read_npz(std::shared_ptr<const ReadableFile> file) {
  const std::string context = in_quotes(file->path()) + ": invalid npz archive";
  const ZipDirectory zip = read_zip_directory(*file, 0, file->status().size, context);
  // A state dict of PyTorch may be stored in a folder of any name, and its archive repacked in any order.
  if (std::ranges::any_of(zip.entries, [](const ZipEntry& entry) { return entry.name.ends_with("/data.pkl"); }))
    return read_torch_zip(file, 0, file->status().size, "");
  FileContents contents;
  std::int64_t inflated_bytes = 0;
  for (const ZipEntry& entry : zip.entries) {
    if (!entry.name.ends_with(kSuffix)) {
      contents.warnings.push_back(in_quotes(file->path()) + ": " + in_quotes(entry.name) +
                                  " in it is not an array and is not read");
      continue;
    }
    if (contents.tensors.size() == kMaxTensors)
      throw Error(ErrorCode::run, context + ": more than " + std::to_string(kMaxTensors) + " arrays");
    contents.tensors.push_back(read_entry(file, entry, context + ": entry " + in_quotes(entry.name)));
    if (entry.deflated) inflated_bytes = checked_add(inflated_bytes, entry.size);
    if (inflated_bytes > kMaxInflatedBytes) {
      throw Error(ErrorCode::run, context + ": its compressed arrays hold more than the limit of " +
                                      std::to_string(kMaxInflatedBytes) + " bytes");
    }
  }
  return contents;
}

FileLayout layout_npy(const FileRequest& request) {
  if (request.tensors.size() != 1) {
    throw Error(ErrorCode::run, "an npy file holds one array, not " + std::to_string(request.tensors.size()));
  }
  const StoredTensor& tensor = request.tensors.front();
  FileLayout layout;
  layout.add(npy_header(tensor.desc, tensor.name));
  layout.add_content(tensor.content, byte_count(tensor.desc.dtype, tensor.desc.shape));
  return layout;
}

FileLayout layout_npz(const FileRequest& request) {
  if (request.tensors.empty()) throw Error(ErrorCode::run, "NumPy cannot read an npz archive without arrays");
  FileLayout layout;
  ZipWriter zip(layout);
  for (const StoredTensor& tensor : request.tensors) {
    std::string name = std::string(tensor.name) + std::string(kSuffix);
    std::string_view problem = problem_of_zip_name(name);
    if (name.size() > kMaxZipName) problem = "its name is too long";
    if (!problem.empty()) {
      throw Error(ErrorCode::run,
                  "an npz archive cannot hold " + in_quotes(tensor.name) + ": " + std::string(problem) + "; rename it");
    }
    zip.add_content(std::move(name), npy_header(tensor.desc, tensor.name), tensor.content,
                    byte_count(tensor.desc.dtype, tensor.desc.shape));
  }
  zip.finish();
  return layout;
}

Format npy_format() {
  return {.name = "numpy",
          .description = "a NumPy array",
          .suffixes = {kSuffix},
          .probe = looks_like_npy,
          .read = read_npy,
          .layout = layout_npy,
          .advice = {}};
}

Format npz_format() {
  return {.name = "npz",
          .description = "a NumPy archive",
          .suffixes = {".npz"},
          .probe = looks_like_npz,
          .read = read_npz,
          .layout = layout_npz,
          .advice = {}};
}

}  // namespace brainsurgery
