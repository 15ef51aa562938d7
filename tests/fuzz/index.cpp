// Any bytes as the index of a sharded model: what it names are plain paths below its directory; and as the places of
// parts of tensors.
#include "base/text.h"
#include "formats/safetensors_index.h"
#include "formats/tensor_parts.h"

#include "fuzz/checkpoint.h"

using namespace brainsurgery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::text_of(data, size);
  try {
    const PartOffsets offsets = parse_part_offsets(text, "'input'");
    REQUIRE(parse_part_offsets(part_offsets_text(offsets), "'input'") == offsets);
  } catch (const Error& error) {
    fuzz::accept(error);
  }
  for (const char* suffix : {".safetensors", ".bin"}) {
    try {
      const SafetensorsIndex index = parse_index(text, "'input'", suffix);
      REQUIRE(std::ranges::is_sorted(index.files) && std::ranges::adjacent_find(index.files) == index.files.end());
      for (const std::string& file : index.files) {
        REQUIRE(ascii_lower(file).ends_with(suffix) && !file.starts_with('/'));
        REQUIRE(file.find('\\') == std::string::npos && file.find('\0') == std::string::npos);
        REQUIRE(("/" + file).find("/../") == std::string::npos && file.find("//") == std::string::npos);
      }
      REQUIRE(std::ranges::is_sorted(index.weight_map));
      for (const auto& [name, number] : index.weight_map) REQUIRE(number < index.files.size());
      // No shard has a tensor: an error, unless the index names none.
      (void)check_against_index(index, {});
      REQUIRE(index.weight_map.empty());
    } catch (const Error& error) {
      fuzz::accept(error);
      REQUIRE(error.code() == ErrorCode::run);
    }
  }
  return 0;
}
