#include "types/box_read.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace brainsurgery {
namespace {

// Of a range that is read for some of its elements: so many bytes at most, and this part of them is wanted at least.
constexpr std::int64_t kMostSpan = 256 << 10;
constexpr std::int64_t kLeastPart = 16;

struct Dim {
  std::int64_t size;
  std::int64_t stride;  // in the file
  std::int64_t packed;  // and among the elements that were read
};

// Dimensions from the innermost in the file on, and how they are read.
struct ReadPlan {
  std::vector<Dim> dims;
  std::size_t in_run = 0;   // [0, in_run): elements that stand side by side
  std::size_t in_span = 0;  // [in_run, in_span): runs that are picked out of what one read gives
  std::int64_t run = 1;     // elements of a run,
  std::int64_t span = 1;    // and from the first to the last of a read
};

std::vector<Dim> dims_of(const FileBox& box) {
  std::vector<Dim> dims;
  for (std::size_t i = 0; i < box.shape.size(); ++i) {
    if (box.shape[i] != 1 && box.strides[i] != 0) dims.push_back({box.shape[i], box.strides[i], 0});
  }
  std::ranges::stable_sort(dims, {}, &Dim::stride);
  std::int64_t packed = 1;
  for (Dim& dim : dims) {
    dim.packed = packed;
    packed *= dim.size;
  }
  return dims;
}

ReadPlan plan_of(const FileBox& box) {
  ReadPlan plan;
  plan.dims = dims_of(box);
  for (; plan.in_run < plan.dims.size() && plan.dims[plan.in_run].stride == plan.run; ++plan.in_run)
    plan.run *= plan.dims[plan.in_run].size;
  plan.span = plan.run;
  std::int64_t wanted = plan.run;
  for (plan.in_span = plan.in_run; plan.in_span < plan.dims.size(); ++plan.in_span) {
    const Dim& dim = plan.dims[plan.in_span];
    const std::int64_t span = plan.span + (dim.size - 1) * dim.stride;
    wanted *= dim.size;
    if (span * box.item > kMostSpan || span > kLeastPart * wanted) break;
    plan.span = span;
  }
  return plan;
}

// Calls visit(place in the file, place among the packed), in elements, for each index of dims, the last the slowest.
template <typename Visit>
void for_each_index(std::span<const Dim> dims, const Visit& visit) {
  std::vector<std::int64_t> index(dims.size(), 0);
  std::int64_t place = 0, packed = 0;
  for (;;) {
    visit(place, packed);
    std::size_t i = 0;
    for (; i < dims.size(); ++i) {
      place += dims[i].stride;
      packed += dims[i].packed;
      if (++index[i] < dims[i].size) break;
      place -= dims[i].stride * dims[i].size;
      packed -= dims[i].packed * dims[i].size;
      index[i] = 0;
    }
    if (i == dims.size()) return;
  }
}

}  // namespace

PackedBox packed_box(const FileBox& box) {
  PackedBox result{std::vector<std::int64_t>(box.shape.size(), 0), 0};
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < box.shape.size(); ++i) {
    if (box.strides[i] != 0) order.push_back(i);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return box.strides[i]; });
  std::int64_t elements = 1;
  for (const std::size_t i : order) {
    result.strides[i] = elements;
    elements *= box.shape[i];
  }
  result.bytes = element_count(box.shape) == 0 ? 0 : elements * box.item;
  return result;
}

ReadCost read_cost(const FileBox& box) {
  if (element_count(box.shape) == 0) return {};
  const ReadPlan plan = plan_of(box);
  std::int64_t reads = 1;
  for (std::size_t i = plan.in_span; i < plan.dims.size(); ++i) reads *= plan.dims[i].size;
  return {reads, reads * plan.span * box.item};
}

void read_box(const FileBox& box, std::span<std::byte> into, const ReadRange& read) {
  if (into.empty()) return;
  const ReadPlan plan = plan_of(box);
  const auto bytes = [&](std::int64_t elements) { return static_cast<std::size_t>(elements * box.item); };
  const std::span<const Dim> dims = plan.dims;
  const std::span<const Dim> outer = dims.subspan(plan.in_span),
                             picked = dims.subspan(plan.in_run, plan.in_span - plan.in_run);
  if (picked.empty()) {
    for_each_index(outer, [&](std::int64_t place, std::int64_t packed) {
      read(place * box.item, into.subspan(bytes(packed), bytes(plan.run)));
    });
    return;
  }
  std::vector<std::byte> span(bytes(plan.span));
  for_each_index(outer, [&](std::int64_t place, std::int64_t packed) {
    read(place * box.item, span);
    for_each_index(picked, [&](std::int64_t run_place, std::int64_t run_packed) {
      std::memcpy(into.data() + bytes(packed + run_packed), span.data() + bytes(run_place), bytes(plan.run));
    });
  });
}

}  // namespace brainsurgery
