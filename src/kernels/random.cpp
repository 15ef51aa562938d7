#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/element.h"
#include "kernels/kernels.h"
#include "kernels/transcendental.h"

namespace brainsurgery::kernels {
namespace {

constexpr std::int64_t kBlock = 1024;

std::uint64_t word64(std::mt19937& engine) {
  const auto high = static_cast<std::uint64_t>(engine());
  return high << 32 | static_cast<std::uint64_t>(engine());
}

std::uint64_t bits53(std::mt19937& engine) { return word64(engine) & ((std::uint64_t{1} << 53) - 1); }

// Fills `out` with `next()`, drawn as `drawn`, whose C++ type is T; `finish(values, count)` may change a block before
// it is cast.
template <typename T, typename Next, typename Finish>
void draw_blocks(DType drawn, DType dtype, void* out, std::int64_t n, Next next, Finish finish) {
  BS_CHECK(is_floating(dtype));
  std::array<T, kBlock> block;
  auto* target = static_cast<std::byte*>(out);
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t count = std::min(kBlock, n - done);
    std::generate_n(block.begin(), count, next);
    finish(block.data(), count);
    cast(drawn, block.data(), dtype, target + done * item_size(dtype), count);
  }
}

// Rounds to `dtype`, keeping the type: values of C++ type T, dtype `held`.
template <typename T>
void round_to(DType dtype, DType held, T* values, std::int64_t count) {
  std::array<std::uint64_t, kBlock> rounded;
  cast(held, values, dtype, rounded.data(), count);
  cast(dtype, rounded.data(), held, values, count);
}

// Uniform draws in [low, high), `next(low, high)` at a time. Where rounding reaches `high`, PyTorch gives `low`.
template <typename T, typename Next>
void draw_uniform(DType drawn, DType dtype, std::pair<double, double> bounds, void* out, std::int64_t n, Next next) {
  const auto low = static_cast<T>(bounds.first);
  const auto high = static_cast<T>(bounds.second);
  std::array<T, 2> rounded{low, high};
  round_to(dtype, drawn, rounded.data(), 2);
  draw_blocks<T>(
      drawn, dtype, out, n, [&] { return next(low, high); },
      [&](T* values, std::int64_t count) {
        round_to(dtype, drawn, values, count);
        std::replace(values, values + count, rounded[1], rounded[0]);
      });
}

struct SineCosine {
  double sine, cosine;
};

// sin and cos of 2 pi `turn` for turn in [0, 1): exact reduction to an eighth of a turn around a multiple of a quarter,
// then Taylor's series.
SineCosine sine_cosine(double turn) {
  const double quarter = std::floor(turn * 4 + 0.5);
  const double x = (turn - quarter / 4) * 6.283185307179586476925;
  const double z = x * x;
  double sine = 0, cosine = 0;
  for (int k = 18; k >= 2; k -= 2) {
    cosine = (1 - cosine) * z / (k * (k - 1));
    sine = (1 - sine) * z / (k * (k + 1));
  }
  sine = x - x * sine;
  cosine = 1 - cosine;
  switch (static_cast<int>(quarter) % 4) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace

UniformStream::UniformStream(std::uint64_t seed, double low, double high)
    : engine_(static_cast<std::uint32_t>(seed)), low_(low), high_(high) {}

void UniformStream::draw(DType dtype, void* out, std::int64_t n) {
  // Fused, as PyTorch's builds for processors of the last ten years round it.
  if (dtype == DType::F64) {
    draw_uniform<double>(DType::F64, dtype, {low_, high_}, out, n, [&](double low, double high) {
      return std::fma(static_cast<double>(bits53(engine_)) * 0x1p-53, high - low, low);
    });
  } else {
    draw_uniform<float>(DType::F32, dtype, {low_, high_}, out, n, [&](float low, float high) {
      return std::fma(static_cast<float>(engine_() & 0xFFFFFF) * 0x1p-24F, high - low, low);
    });
  }
}

NormalStream::NormalStream(std::uint64_t seed, double mean, double deviation)
    : engine_(static_cast<std::uint32_t>(seed)), mean_(mean), deviation_(deviation) {}

void NormalStream::draw(DType dtype, void* out, std::int64_t n) {
  const auto standard = [&] {
    if (spare_) {
      const double value = *spare_;
      spare_.reset();
      return value;
    }
    const double u = static_cast<double>(bits53(engine_) + 1) * 0x1p-53;  // in (0, 1]
    const double turn = static_cast<double>(bits53(engine_)) * 0x1p-53;
    const double radius = std::sqrt(-2 * transcendental::quick_log(u));
    const auto [sine, cosine] = sine_cosine(turn);
    spare_ = radius * sine;
    return radius * cosine;
  };
  draw_blocks<double>(
      DType::F64, dtype, out, n, [&] { return standard() * deviation_ + mean_; }, [](double*, std::int64_t) {});
}

}  // namespace brainsurgery::kernels
