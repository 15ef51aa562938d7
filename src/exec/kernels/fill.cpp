#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "exec/kernels/element.h"
#include "exec/kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

bool has_infinity(DType dtype) {
  switch (dtype) {
    case DType::F64:
    case DType::F32:
    case DType::F16:
    case DType::BF16:
    case DType::F8_E5M2:
      return true;
    default:
      return false;
  }
}

template <typename T>
struct FillLoop {
  BS_INLINE static void run(T value, T* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = value;
  }
};

template <typename T>
void fill_typed(const Element& element, void* out, std::int64_t n) {
  T value;
  std::memcpy(&value, element.data(), sizeof value);
  run_widest<FillLoop<T>>(value, static_cast<T*>(out), n);
}

// As PyTorch: 255.9 does not fit 8 bits although it would truncate to 255.
template <typename T>
bool fits_integer(double value) {
  if (std::unsigned_integral<T> && value < 0) return false;
  // Beyond the largest value, as a power of two, which double holds exactly.
  constexpr double kBeyond = static_cast<double>(std::numeric_limits<T>::max() / 2 + 1) * 2;
  const bool below = sizeof(T) == 8 ? value < kBeyond : value <= kBeyond - 1;
  return below && value >= static_cast<double>(std::numeric_limits<T>::min());
}

// Whether rounding keeps a finite value finite, and whether the format has the value at all.
bool fits_floating(DType dtype, double value) {
  if (std::isnan(value)) return true;
  if (std::isinf(value)) return has_infinity(dtype);
  // This format saturates; 464 lies half way to the next value it would have.
  if (dtype == DType::F8_E4M3) return std::fabs(value) <= 464;
  if (dtype == DType::F8_E8M0 && value < 0) return false;
  Element rounded{};
  cast(DType::F64, &value, dtype, rounded.data(), 1);
  double result = 0;
  cast(dtype, rounded.data(), DType::F64, &result, 1);
  return std::isfinite(result);
}

}  // namespace

std::optional<Element> encode(DType dtype, double value) {
  const bool fits = visit_codec(dtype, [&](auto codec) {
    using C = typename decltype(codec)::Compute;
    if constexpr (std::same_as<C, bool>) {
      return true;
    } else if constexpr (std::integral<C>) {
      return fits_integer<C>(value);
    } else {
      return fits_floating(dtype, value);
    }
  });
  if (!fits) return std::nullopt;
  Element element{};
  cast(DType::F64, &value, dtype, element.data(), 1);
  return element;
}

std::optional<Element> encode(DType dtype, std::int64_t value) {
  const bool fits = visit_codec(dtype, [&](auto codec) {
    using C = typename decltype(codec)::Compute;
    if constexpr (std::same_as<C, bool>) {
      return true;
    } else if constexpr (std::integral<C>) {
      return std::in_range<C>(value);
    } else {
      return fits_floating(dtype, static_cast<double>(value));
    }
  });
  if (!fits) return std::nullopt;
  Element element{};
  cast(DType::I64, &value, dtype, element.data(), 1);
  return element;
}

Element canonical_nan(DType dtype) {
  Element element{};
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    using C = typename Codec::Compute;
    if constexpr (std::floating_point<C>) {
      const auto stored = Codec::encode(std::numeric_limits<C>::quiet_NaN());
      std::memcpy(element.data(), &stored, sizeof stored);
    } else {
      fail_check("the dtype is a floating type", __FILE__, __LINE__);
    }
  });
  return element;
}

void fill(void* out, std::int64_t item_bytes, const Element& element, std::int64_t n) {
  switch (item_bytes) {
    case 1:
      return fill_typed<std::uint8_t>(element, out, n);
    case 2:
      return fill_typed<std::uint16_t>(element, out, n);
    case 4:
      return fill_typed<std::uint32_t>(element, out, n);
    case 8:
      return fill_typed<std::uint64_t>(element, out, n);
    default:
      fail_check("elements have 1, 2, 4 or 8 bytes", __FILE__, __LINE__);
  }
}

}  // namespace brainsurgery::kernels
