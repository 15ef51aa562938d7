// What can be said of a tensor's values without listing them.
#pragma once

namespace brainsurgery {

// Minimum and maximum are exact but for 64-bit integers beyond 2^53, which are rounded to double. All three are NaN
// where an element is. Only for tensors with elements, of dtypes that compute.
struct TensorStatistics {
  double min = 0, max = 0;
  double mean = 0;  // rounded to the precision in which PyTorch gives it: of float16 to float16, of integers to float32

  friend bool operator==(const TensorStatistics&, const TensorStatistics&) = default;
};

}  // namespace brainsurgery
