// Any bytes as an .npy file.
#include "formats/npy.h"

#include "fuzz/checkpoint.h"

using namespace brainsurgery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::read_checkpoint([&] { return read_npy(fuzz::file_of(fuzz::text_of(data, size))); });
}
