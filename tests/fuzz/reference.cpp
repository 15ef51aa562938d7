// Any bytes as a tensor reference: what is printed of it is the same reference; its slice selects a part of a tensor or
// is refused.
#include "brainsurgery/types.h"
#include "fuzz/fuzz.h"
#include "brainsurgery/tensor_ref.h"

using namespace brainsurgery;

namespace {

void check_slice(const Slice& slice) {
  REQUIRE(parse_slice(slice.text) == slice);
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{3, 0, 5}, Shape{std::int64_t{1} << 40, 2}}) {
    try {
      const Region region = select(slice, shape);
      REQUIRE(region.axes.size() == shape.size());
      for (std::size_t i = 0; i < shape.size(); ++i) {
        const Region::Axis& axis = region.axes[i];
        REQUIRE(axis.start >= 0 && axis.count >= 0 && axis.step >= 1);
        REQUIRE(axis.count == 0 || axis.start < shape[i]);
        REQUIRE(axis.count == 0 || (axis.count - 1) <= (shape[i] - 1 - axis.start) / axis.step);
      }
    } catch (const Error& error) {
      fuzz::accept(error);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::text_of(data, size);
  for (const bool has_default_alias : {false, true}) {
    try {
      const TensorRef ref = parse_tensor_ref(text, {}, "copy.from", has_default_alias);
      REQUIRE(ref.alias || has_default_alias);
      const TensorRef again = parse_tensor_ref(to_string(ref), {}, "copy.from", has_default_alias);
      REQUIRE(again.alias == ref.alias && again.expr == ref.expr && again.slice == ref.slice);
      if (ref.slice) check_slice(*ref.slice);
    } catch (const Error& error) {
      fuzz::accept(error);
    }
  }
  try {
    check_slice(parse_slice(text));
  } catch (const Error& error) {
    fuzz::accept(error);
  }
  return 0;
}
