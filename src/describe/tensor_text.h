// One tensor as a dump shows it: its shape, and as much of its values as was asked for.
//
//   DumpedTensor tensor{"h.0.w", {DType::F32, {2}}, Verbosity::stat, statistics(numbers)};
//   tensor_text(tensor);      // "shape=[2] min=0 max=1 mean=0.5 reads=1 writes=1"
//   tensor_json(tensor);      // {"max":1.0,...} as fields
//
// Numbers are Python's: six significant digits in statistics, else the shortest digits that read back equal; NaN and
// Infinity stand bare in JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/conditions.h"
#include "brainsurgery/types.h"
#include "brainsurgery/workspace.h"

namespace brainsurgery {

enum class Verbosity : std::uint8_t { shape, stat, full };

struct DumpedTensor {
  std::string name;
  TensorDesc desc;
  Verbosity verbosity = Verbosity::shape;
  TensorStatistics statistics;  // Verbosity::stat
  std::string values;           // Verbosity::full; what values_text or no_values gave
  AccessCounts counts;
  std::string stored_type = {};  // of a file; shown where it is given
  std::string unreadable = {};  // the form of a tensor whose elements cannot be read
};

// The dtype to which values are converted before they are written: F64, I64, U64 or BOOL. nullopt: they have no text.
[[nodiscard]] std::optional<DType> text_dtype(DType dtype);

enum class ValueSyntax : std::uint8_t { python, json };
// Nested lists, a scalar without. `dtype`: one that text_dtype gives; `packed`: all elements. Where text_dtype gives
// nullopt: no_values.
[[nodiscard]] std::string values_text(ValueSyntax syntax, DType dtype, const Shape& shape,
                                      std::span<const std::byte> packed);
[[nodiscard]] std::string no_values(ValueSyntax syntax);

[[nodiscard]] std::string tensor_text(const DumpedTensor& tensor);

// The members of the JSON object of a tensor, sorted by name, the values as JSON.
using JsonMembers = std::vector<std::pair<std::string_view, std::string>>;
[[nodiscard]] JsonMembers tensor_json(const DumpedTensor& tensor);

// "%.6g" of Python.
[[nodiscard]] std::string short_number(double value);
// "float32" as reports have it: "torch.float32"; where PyTorch has no such type, the name in safetensors files.
[[nodiscard]] std::string report_dtype(DType dtype);

}  // namespace brainsurgery
