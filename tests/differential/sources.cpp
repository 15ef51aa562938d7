#include "differential/sources.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "kernels/kernels.h"

namespace brainsurgery::testing {

std::int64_t draw(Engine& engine, std::int64_t bound) {
  return static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(bound));
}

bool chance(Engine& engine, double probability) { return static_cast<double>(engine() >> 11) * 0x1p-53 < probability; }

std::vector<std::byte> Sources::numbers(Engine& engine, DType dtype, std::int64_t count) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr std::array kSpecial{0.0,  -0.0,  1.0,   -1.0,   0.5,    1e-45,   6e-8, 65504.0, 65520.0,     3.4e38,
                                1e39, 127.0, 255.0, -129.0, 0x1p31, -0x1p63, kInf, -kInf,   std::nan("")};
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) {
    const std::int64_t kind = draw(engine, 20);
    if (kind == 0)
      value = kSpecial[draw(engine, std::ssize(kSpecial))];
    else if (kind < 8)
      value = static_cast<double>(draw(engine, 41) - 20);
    else
      value = static_cast<double>(static_cast<std::int64_t>(engine())) * 0x1p-58;
  }
  const auto item = static_cast<std::size_t>(item_size(dtype));
  std::vector<std::byte> bytes(values.size() * item);
  kernels::cast(DType::F64, values.data(), dtype, bytes.data(), count);
  for (std::size_t i = 0; i < values.size() && dtype != DType::BOOL; ++i) {
    if (!chance(engine, 0.05)) continue;
    const std::uint64_t any = engine();
    std::memcpy(&bytes[i * item], &any, item);
  }
  return bytes;
}

Sources::Sources(std::uint64_t seed) {
  Engine engine(seed);
  for (const char* name : {"even", "odd"}) {
    const bool odd = std::string(name) == "odd";
    std::string content(odd ? 3 : 8, 'x');
    std::vector<Stretch> here;
    for (const DType dtype : kDTypes) {
      here.push_back({dtype, nullptr, std::ssize(content)});
      const std::vector<std::byte> bytes = numbers(engine, dtype, kMaxElements + 64);
      content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      content.append(odd ? 1 - content.size() % 2 : (8 - content.size() % 8) % 8, 'x');
    }
    write_file(folder_ / name, content);
    const std::shared_ptr<const ReadableFile> file = posix_env().open(folder_ / name);
    for (Stretch& stretch : here) {
      stretch.file = file;
      stretches_.push_back(std::move(stretch));
    }
  }
}

namespace {

// As views of PyTorch have them: a permuted packed tensor, some dimensions repeated (0), some stepped over or padded.
std::vector<std::int64_t> any_strides(Engine& engine, const Shape& shape) {
  std::vector<std::size_t> order(shape.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (chance(engine, 0.7)) std::shuffle(order.begin(), order.end(), engine);
  std::vector<std::int64_t> strides(shape.size(), 0);
  std::int64_t step = chance(engine, 0.2) ? 2 : 1;
  for (const std::size_t i : order) {
    if (chance(engine, 0.15)) continue;
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
    if (chance(engine, 0.2)) step += draw(engine, 3);
  }
  return strides;
}

}  // namespace

Expr Sources::any(Engine& engine, const TensorDesc& desc) const {
  std::vector<const Stretch*> fitting;
  for (const Stretch& stretch : stretches_) {
    if (stretch.dtype == desc.dtype) fitting.push_back(&stretch);
  }
  const Stretch& stretch = *fitting[draw(engine, std::ssize(fitting))];
  if (chance(engine, 0.3)) {
    const std::vector<std::int64_t> strides = any_strides(engine, desc.shape);
    const std::int64_t extent = strided_extent(desc.shape, strides);
    if (extent <= kMaxElements) {
      const std::int64_t first = draw(engine, kMaxElements + 64 - extent);
      return source(stretch.file, stretch.offset + first * item_size(desc.dtype), desc, strides);
    }
  }
  const std::int64_t room = kMaxElements + 64 - element_count(desc.shape);
  const std::int64_t first = chance(engine, 0.3) ? 0 : draw(engine, room);
  return source(stretch.file, stretch.offset + first * item_size(desc.dtype), desc);
}

}  // namespace brainsurgery::testing
