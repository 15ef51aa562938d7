#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/element.h"
#include "kernels/kernels.h"
#include "kernels/philox.h"
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

// The upper 53 bits of a 64-bit word over 2^53, in two pieces that fit signed integers of 32 bits: every processor has
// vector instructions for these.
BS_INLINE double fraction_of(std::uint32_t high, std::uint32_t low) {
  const auto upper = static_cast<std::int32_t>(high >> 5);
  const auto lower = static_cast<std::int32_t>((high & 31) << 21 | low >> 11);
  return static_cast<double>(upper) * 0x1p-27 + static_cast<double>(lower) * 0x1p-53;
}

BS_INLINE std::array<std::uint32_t, 4> words_at(std::uint64_t seed, std::uint64_t key, std::uint64_t counter) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  return philox4x32({low(counter), high(counter), low(key), high(key)}, {low(seed), high(seed)});
}

// Two standard draws, normal or in [0, 1), of one counter.
struct DrawPair {
  double first, second;
};

template <bool kNormal>
BS_INLINE DrawPair pair_at(std::uint64_t seed, std::uint64_t key, std::uint64_t counter) {
  const auto bits = words_at(seed, key, counter);
  const double u = fraction_of(bits[1], bits[0]);
  const double v = fraction_of(bits[3], bits[2]);
  if constexpr (!kNormal) return {u, v};
  const double radius = std::sqrt(-2 * transcendental::quick_log(u + 0x1p-53));  // of a number in (0, 1]
  const auto [sine, cosine] = transcendental::sine_cosine(v);
  return {radius * cosine, radius * sine};
}

template <bool kNormal>
struct DrawInOrder {
  BS_INLINE static void run(std::uint64_t seed, std::uint64_t key, std::uint64_t counter, double factor, double offset, double* out,
                            std::int64_t pairs) {
    for (std::int64_t i = 0; i < pairs; ++i) {
      const auto [first, second] = pair_at<kNormal>(seed, key, counter + static_cast<std::uint64_t>(i));
      out[2 * i] = first * factor + offset;
      out[2 * i + 1] = second * factor + offset;
    }
  }
};

template <bool kNormal>
struct DrawApart {
  BS_INLINE static void run(std::uint64_t seed, std::uint64_t key, std::uint64_t index, std::uint64_t stride, double factor, double offset,
                            double* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint64_t at = index + stride * static_cast<std::uint64_t>(i);
      const auto [first, second] = pair_at<kNormal>(seed, key, at / 2);
      out[i] = (at % 2 == 0 ? first : second) * factor + offset;
    }
  }
};

BS_INLINE float upper_bits(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24F;
}

struct FractionsInOrder {
  BS_INLINE static void run(std::uint64_t seed, std::uint64_t key, std::uint64_t counter, float* out, std::int64_t counters) {
    for (std::int64_t i = 0; i < counters; ++i) {
      const auto words = words_at(seed, key, counter + static_cast<std::uint64_t>(i));
      out[4 * i] = upper_bits(words[0]);
      out[4 * i + 1] = upper_bits(words[1]);
      out[4 * i + 2] = upper_bits(words[2]);
      out[4 * i + 3] = upper_bits(words[3]);
    }
  }
};

struct FractionsApart {
  BS_INLINE static void run(std::uint64_t seed, std::uint64_t key, std::uint64_t index, std::uint64_t stride, float* out,
                            std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint64_t at = index + stride * static_cast<std::uint64_t>(i);
      out[i] = upper_bits(words_at(seed, key, at / 4)[at % 4]);
    }
  }
};

void draw_floats(const CounterDraws& draws, std::int64_t first, std::int64_t stride, float* out, std::int64_t n) {
  const std::int64_t head = stride == 1 ? std::min(n, (4 - first % 4) % 4) : n;
  run_widest<FractionsApart>(draws.seed, draws.key, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(stride),
                             out, head);
  const std::int64_t counters = (n - head) / 4, done = head + 4 * counters;
  run_widest<FractionsInOrder>(draws.seed, draws.key, static_cast<std::uint64_t>(first + head) / 4, out + head, counters);
  run_widest<FractionsApart>(draws.seed, draws.key, static_cast<std::uint64_t>(first + done), std::uint64_t{1}, out + done,
                             n - done);
}

void draw_fractions(const CounterDraws& draws, DType dtype, std::int64_t first, std::int64_t stride, void* out,
                    std::int64_t n) {
  if (dtype == DType::F32) return draw_floats(draws, first, stride, static_cast<float*>(out), n);
  BS_CHECK(dtype == DType::F64);
  std::array<float, kBlock> block;
  for (std::int64_t done = 0; done < n; done += kBlock) {
    const std::int64_t count = std::min(kBlock, n - done);
    draw_floats(draws, first + done * stride, stride, block.data(), count);
    std::copy_n(block.begin(), count, static_cast<double*>(out) + done);
  }
}

template <bool kNormal>
void draw_doubles(const CounterDraws& draws, std::int64_t first, std::int64_t stride, double* out, std::int64_t n) {
  const double factor = kNormal ? draws.b : draws.b - draws.a;
  const auto index = static_cast<std::uint64_t>(first);
  const std::int64_t pairs = stride == 1 && first % 2 == 0 ? n / 2 : 0;
  run_widest<DrawInOrder<kNormal>>(draws.seed, draws.key, index / 2, factor, draws.a, out, pairs);
  run_widest<DrawApart<kNormal>>(draws.seed, draws.key, index + static_cast<std::uint64_t>(2 * pairs),
                                 static_cast<std::uint64_t>(stride), factor, draws.a, out + 2 * pairs, n - 2 * pairs);
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
    const auto [sine, cosine] = transcendental::sine_cosine(turn);
    spare_ = radius * sine;
    return radius * cosine;
  };
  draw_blocks<double>(
      DType::F64, dtype, out, n, [&] { return standard() * deviation_ + mean_; }, [](double*, std::int64_t) {});
}

void draw_at(const CounterDraws& draws, DType dtype, std::int64_t first, std::int64_t stride, void* out,
             std::int64_t n) {
  if (draws.of == CounterDraws::Of::fractions) return draw_fractions(draws, dtype, first, stride, out, n);
  const bool is_normal = draws.of == CounterDraws::Of::normal;
  std::array<double, kBlock> block;
  std::array<double, 2> bounds{draws.a, draws.b};
  if (!is_normal) round_to(dtype, DType::F64, bounds.data(), 2);
  auto* target = static_cast<std::byte*>(out);
  for (std::int64_t done = 0; done < n;) {
    // An odd start is drawn alone, so that pairs follow.
    const bool is_odd = stride == 1 && first % 2 != 0;
    const std::int64_t count = is_odd ? 1 : std::min(kBlock, n - done);
    if (is_normal) {
      draw_doubles<true>(draws, first, stride, block.data(), count);
    } else {
      draw_doubles<false>(draws, first, stride, block.data(), count);
      round_to(dtype, DType::F64, block.data(), count);
      std::replace(block.begin(), block.begin() + count, bounds[1], bounds[0]);
    }
    cast(DType::F64, block.data(), dtype, target + done * item_size(dtype), count);
    done += count;
    first += count * stride;
  }
}

}  // namespace brainsurgery::kernels
