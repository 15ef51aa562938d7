// How a DTensor lies on the processes that share it, as its specification says in the pickle of one of them.
// Source: torch.distributed.tensor and torch.distributed.device_mesh of PyTorch 2.4 to 2.13.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/pickle_vm.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

// For each axis of the mesh of processes.
struct MeshPlace {
  static constexpr std::int64_t kReplicated = -1, kPartial = -2;  // kPartial: or of a kind that is not known

  std::vector<std::int64_t> sharded;  // the dimension that is cut, kReplicated, or kPartial
  Shape sizes, coordinate;            // of the mesh, and of the process in it

  [[nodiscard]] bool is_partial() const;
  // Where the process's part begins: along each axis a dimension is cut as torch.chunk cuts it, what an earlier cut left
  // again. nullopt where that gives another shape than the part has.
  [[nodiscard]] std::optional<Shape> starts_of(const Shape& whole, const Shape& part) const;
};

// `spec`: the state of a DTensorSpec. nullopt where it is not of the form that PyTorch gives it.
[[nodiscard]] std::optional<MeshPlace> mesh_place(const PickleTree& tree, const PickleNode& spec);

}  // namespace brainsurgery
