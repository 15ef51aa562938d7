#include "formats/torch_file.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/magic.h"
#include "formats/torch_layout.h"
#include "formats/torch_legacy.h"
#include "formats/torch_zip.h"

namespace brainsurgery {

namespace {

using Head = std::span<const std::byte>;

bool is_zip(Head head) { return begins_with(head, "PK\x03\x04"); }

bool looks_like_torch(Head head, std::int64_t) { return is_zip(head) || has_torch_legacy_magic(head); }

// Other programs give files the suffixes of PyTorch's too; an empty one is a download that failed.
FileContents refuse(const std::string& path, Head head) {
  const std::string what = in_quotes(path) + " is not a PyTorch file";
  if (head.empty()) throw Error(ErrorCode::run, what + ": it is empty");
  if (head[0] == std::byte{0x80})
    return {.without_tensors = what + ": it is a pickle without the header that torch.save writes"};
  return {.without_tensors = what +
                             ": it is neither a zip archive nor a file of before 1.6 (a download cut off, or the tar "
                             "archives of 0.1?)"};
}

FileContents read_part(std::shared_ptr<const ReadableFile> file, std::string_view part) {
  const std::int64_t size = file->status().size;
  std::vector<std::byte> head(static_cast<std::size_t>(std::min(size, FormatRegistry::kHeadBytes)));
  file->read(0, head);
  if (is_zip(head)) return read_torch_zip(std::move(file), 0, size, part);
  if (has_torch_legacy_magic(head)) return read_torch_legacy(std::move(file), part);
  return refuse(file->path(), head);
}

FileContents read(std::shared_ptr<const ReadableFile> file) { return read_part(std::move(file), ""); }

}  // namespace

Format torch_format() {
  return {.name = "torch",
          .description = "a PyTorch file",
          .suffixes = {".pt", ".pth", ".bin"},
          .probe = looks_like_torch,
          .read = read,
          .read_part = read_part,
          .layout = layout_torch,
          .layout_tensor = layout_torch_tensor,
          .shares_contents = true,
          .advice = {}};
}

}  // namespace brainsurgery
