// A file for tests that plan and never read.
#pragma once

#include <string>
#include <utility>

#include "brainsurgery/env.h"
#include "brainsurgery/error.h"

namespace brainsurgery::testing {

// A file that is only spoken of.
struct NamedFile final : ReadableFile {
  explicit NamedFile(std::string name = "a") : name_(std::move(name)) {}
  const std::string& path() const override { return name_; }
  const FileStatus& status() const override { return status_; }
  void read(std::int64_t, std::span<std::byte>) const override {
    throw Error(ErrorCode::internal, "planning reads no data");
  }
  std::shared_ptr<const FileMap> map() const override { throw Error(ErrorCode::internal, "planning maps nothing"); }
  FileStatus current_status() const override { return status_; }

 private:
  std::string name_;
  FileStatus status_;
};

}  // namespace brainsurgery::testing
