// Any bytes as a GGUF file.
#include "formats/gguf.h"

#include "fuzz/checkpoint.h"

using namespace brainsurgery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::read_checkpoint([&] { return read_gguf(fuzz::file_of(fuzz::text_of(data, size))); });
}
