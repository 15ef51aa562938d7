// Any bytes as a safetensors file.
#include "formats/safetensors.h"

#include "fuzz/checkpoint.h"

using namespace brainsurgery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::read_checkpoint([&] { return read_safetensors(fuzz::file_of(fuzz::text_of(data, size))); });
}
