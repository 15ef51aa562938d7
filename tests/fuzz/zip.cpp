// Any bytes as a zip archive: its entries lie inside of it and apart. What can be read of it as arrays is read.
#include "formats/zip_directory.h"

#include "formats/npy.h"
#include "fuzz/checkpoint.h"

using namespace brainsurgery;

namespace {

void check_directory(const ReadableFile& file) {
  const ZipDirectory zip = read_zip_directory(file, 0, file.status().size, "input");
  std::vector<std::pair<std::int64_t, std::int64_t>> spans;
  for (const ZipEntry& entry : zip.entries) {
    REQUIRE(zip.find(entry.name) == &entry);
    REQUIRE(entry.offset >= 0 && entry.stored_size >= 0 && entry.size >= 0);
    REQUIRE(entry.stored_size <= file.status().size - entry.offset);
    REQUIRE(entry.deflated || entry.size == entry.stored_size);
    spans.emplace_back(entry.offset, entry.offset + entry.stored_size);
    try {
      REQUIRE(std::ssize(read_zip_entry(file, entry, fuzz::kMostBytes, "input")) == entry.size);
    } catch (const Error& error) {
      fuzz::accept(error);
    }
  }
  std::ranges::sort(spans);
  for (std::size_t i = 1; i < spans.size(); ++i) REQUIRE(spans[i - 1].second <= spans[i].first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = fuzz::file_of(fuzz::text_of(data, size));
  try {
    check_directory(*file);
  } catch (const Error& error) {
    fuzz::accept(error);
  }
  return fuzz::read_checkpoint([&] { return read_npz(file); });
}
