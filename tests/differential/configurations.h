// The ways in which a plan may be performed, all of which must give the same bytes.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "exec/executor.h"
#include "support/temp_dir.h"

namespace brainsurgery::testing {

struct Configuration {
  int threads;
  std::int64_t tile_bytes;
  bool fuse;
  bool spill;  // a budget of one byte

  [[nodiscard]] std::string text() const {
    return std::to_string(threads) + " threads, tiles of " + std::to_string(tile_bytes) +
           (fuse ? ", fused" : ", not fused") + (spill ? ", spilled" : "");
  }
};

inline std::vector<Configuration> all_configurations() {
  std::vector<Configuration> all;
  for (const int threads : {1, 2, 3}) {
    for (const std::int64_t tile_bytes : {1, 64, 4096, 512 << 10}) {
      for (const bool fuse : {true, false}) {
        for (const bool spill : {true, false}) all.push_back({threads, tile_bytes, fuse, spill});
      }
    }
  }
  return all;
}

// Evaluates in any configuration; the threads are started once.
class Evaluator {
 public:
  Evaluator() {
    ::setenv("BRAINSURGERY_DENSE", BS_DENSE_MODULE, 1);
    for (const int threads : {1, 2, 3}) pools_.push_back(std::make_unique<ThreadPool>(threads));
  }

  [[nodiscard]] Executor executor(const Configuration& configuration, Executor::Progress progress = nullptr) {
    ExecOptions options;
    options.tile_bytes = configuration.tile_bytes;
    options.budget_bytes = configuration.spill ? 1 : std::int64_t{1} << 30;
    options.spill_directory = folder_.path();
    options.fuse = configuration.fuse;
    return Executor(*pools_[configuration.threads - 1], options, std::move(progress));
  }

 private:
  TempDir folder_;
  std::vector<std::unique_ptr<ThreadPool>> pools_;
};

// A number from the environment, for campaigns with other seeds and sizes.
inline std::int64_t setting(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

}  // namespace brainsurgery::testing
