// A distributed checkpoint: four bytes, the length of the metadata (little-endian); the metadata; the rest is the data
// file, whatever it is called.
#include "formats/dcp.h"

#include "fuzz/checkpoint.h"

using namespace brainsurgery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = fuzz::text_of(data, size);
  if (bytes.size() < 4) return 0;
  std::size_t length = 0;
  for (std::size_t i = 4; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  length = std::min(length, bytes.size() - 4);
  const auto metadata = fuzz::file_of(bytes.substr(4, length));
  const auto part = fuzz::file_of(bytes.substr(4 + length));
  return fuzz::read_checkpoint([&] {
    FileContents contents = read_dcp(*metadata, [&](const std::string& name) {
      REQUIRE(name.ends_with(kDcpSuffix) && name.find('/') == std::string::npos &&
              name.find('\0') == std::string::npos);
      return part;
    });
    for (const StoredObject& object : contents.extras->objects) {
      REQUIRE(object.offset >= 0 && object.size >= 0);
      REQUIRE(object.offset <= part->status().size && object.size <= part->status().size - object.offset);
    }
    return contents;
  });
}
