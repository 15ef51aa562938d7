// Operations on the bits of integers, and tables that integers index.
#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <limits>

#include "brainsurgery/error.h"
#include "kernels/elementwise_loops.h"

namespace brainsurgery::kernels::elementwise {
namespace {

struct BitAnd {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    return static_cast<T>(a & b);
  }
};

struct BitOr {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    return static_cast<T>(a | b);
  }
};

struct BitXor {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};

struct BitNot {
  template <typename T>
  BS_INLINE static T of(T a) {
    return static_cast<T>(~a);
  }
};

// The width of T, and a count of which a negative one is larger than any width.
template <typename T>
using Count = std::make_unsigned_t<T>;
template <typename T>
inline constexpr Count<T> kWidth = std::numeric_limits<Count<T>>::digits;

// Counts that are negative or beyond the width move all bits out, as in NumPy and PyTorch.
struct ShiftLeft {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    using Wide = std::common_type_t<Count<T>, std::uint32_t>;
    const auto count = static_cast<Count<T>>(b);
    const Wide moved = static_cast<Wide>(static_cast<Count<T>>(a)) << (count & (kWidth<T> - 1));
    return count < kWidth<T> ? static_cast<T>(moved) : T{0};
  }
};

struct ShiftRight {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    const auto count = static_cast<Count<T>>(b);
    if constexpr (std::signed_integral<T>) {
      return static_cast<T>(a >> std::min<Count<T>>(count, kWidth<T> - 1));
    } else {
      return count < kWidth<T> ? static_cast<T>(a >> (count & (kWidth<T> - 1))) : T{0};
    }
  }
};

template <std::integral Index>
BS_INLINE bool is_beyond(Index index, std::uint64_t size) {
  return static_cast<std::uint64_t>(index) >= size;
}

template <std::integral Index>
struct AnyBeyond {
  BS_INLINE static bool run(const Index* indices, std::uint64_t size, std::int64_t n) {
    bool any = false;
    for (std::int64_t i = 0; i < n; ++i) any |= is_beyond(indices[i], size);
    return any;
  }
};

template <std::integral Index, typename Item>
struct LookupLoop {
  BS_INLINE static void run(const Index* indices, const Item* table, Item* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = table[static_cast<std::size_t>(indices[i])];
  }
};

template <std::integral Index>
void require_in_table(const Index* indices, std::uint64_t size, std::int64_t n) {
  if (!run_widest<AnyBeyond<Index>>(indices, size, n)) return;
  const Index* bad = std::find_if(indices, indices + n, [size](Index index) { return is_beyond(index, size); });
  throw Error(ErrorCode::run, fmt::format("index {} is beyond the table, which has {} values", *bad, size));
}

template <typename Item>
void look_up(const Call& call) {
  const LookupTable& table = *call.parameters.table;
  visit_codec(call.operand_dtypes.front(), [&](auto codec) {
    using Index = typename decltype(codec)::Compute;
    if constexpr (kIncludes<Index, Domain::integers>) {
      const auto* indices = operand<Index>(call, 0);
      require_in_table(indices, table.elements.size() / sizeof(Item), call.n);
      run_widest<LookupLoop<Index, Item>>(indices, reinterpret_cast<const Item*>(table.elements.data()),
                                          static_cast<Item*>(call.out), call.n);
    } else {
      fail_check("an index is an integer", __FILE__, __LINE__);
    }
  });
}

}  // namespace

void bit_and(const Call& call) { run<BitAnd, Domain::integers>(call); }
void bit_or(const Call& call) { run<BitOr, Domain::integers>(call); }
void bit_xor(const Call& call) { run<BitXor, Domain::integers>(call); }
void bit_not(const Call& call) { run<BitNot, Domain::integers>(call); }
void shift_left(const Call& call) { run<ShiftLeft, Domain::integers>(call); }
void shift_right(const Call& call) { run<ShiftRight, Domain::integers>(call); }

void lookup(const Call& call) {
  switch (item_size(call.dtype)) {
    case 1:
      return look_up<std::uint8_t>(call);
    case 2:
      return look_up<std::uint16_t>(call);
    case 4:
      return look_up<std::uint32_t>(call);
    default:
      return look_up<std::uint64_t>(call);
  }
}

}  // namespace brainsurgery::kernels::elementwise
