// Any bytes as a PyTorch file, of today or of before 1.6.
#include "formats/torch_file.h"

#include "fuzz/checkpoint.h"

using namespace brainsurgery;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Format format = torch_format();
  return fuzz::read_checkpoint([&] { return format.read(fuzz::file_of(fuzz::text_of(data, size))); });
}
