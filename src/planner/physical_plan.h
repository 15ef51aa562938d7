// What one file consists of: runs of bytes to be copied unchanged and ranges to be computed, in file order.
//
//   PhysicalPlan plan({});
//   plan.add_bytes(header);
//   for (tensor : in file order) plan.add_tensor(tensor.expr);
//   executor.write(plan, file);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "planner/compiler.h"

namespace brainsurgery {

struct Segment {
  struct Bytes {  // given bytes: headers
    std::string bytes;
  };
  struct Copy {  // a range of a file that does not decode; several neighbouring tensors may share one
    FilePlace from;
  };
  struct Checksum {  // CRC-32 of bytes [begin, end) of the target, 4 bytes little-endian; they may come later
    std::int64_t begin, end;
  };
  std::int64_t offset = 0;  // in the target
  std::int64_t size = 0;    // bytes
  std::variant<Bytes, Copy, CompiledTensor, Checksum> content;
};

class PhysicalPlan {
 public:
  explicit PhysicalPlan(CompileOptions options) : compiler_(std::make_shared<Compiler>(options)) {}
  // One of several files of an output, which share what is made as a whole.
  [[nodiscard]] static PhysicalPlan with_compiler(std::shared_ptr<Compiler> compiler) {
    PhysicalPlan plan({});
    plan.compiler_ = std::move(compiler);
    return plan;
  }

  // Room for as many segments as there will probably be.
  void reserve(std::size_t segments) { segments_.reserve(segments); }
  // Each appends at the end of the file.
  void add_bytes(std::string bytes);
  void add_tensor(const Expr& expr);
  void add_copy(FilePlace from, std::int64_t size);
  // `begin` and `end` must be where segments begin and end, without checksums between.
  void add_checksum(std::int64_t begin, std::int64_t end);

  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }
  // Of all files that have the compiler.
  [[nodiscard]] const std::vector<Materialization>& materializations() const { return compiler_->materializations(); }
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] bool has_checksums() const { return has_checksums_; }
  [[nodiscard]] std::int64_t bytes_copied() const { return bytes_copied_; }
  [[nodiscard]] std::int64_t bytes_computed() const { return bytes_computed_; }

 private:
  void add_part(Expr expr, int nesting);

  std::shared_ptr<Compiler> compiler_;
  std::vector<Segment> segments_;
  std::int64_t size_ = 0;
  std::int64_t bytes_copied_ = 0;
  std::int64_t bytes_computed_ = 0;
  bool has_checksums_ = false;
};

}  // namespace brainsurgery
