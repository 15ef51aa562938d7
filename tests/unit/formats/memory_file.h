// A file in memory, and shorthands to make a safetensors file of a JSON text.
#pragma once

#include <cstring>
#include <memory>
#include <string>

#include "brainsurgery/env.h"
#include "brainsurgery/error.h"

namespace brainsurgery::testing {

class MemoryFile : public ReadableFile {
 public:
  MemoryFile(std::string path, std::string bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {
    status_.size = static_cast<std::int64_t>(bytes_.size());
  }
  const std::string& path() const override { return path_; }
  const FileStatus& status() const override { return status_; }
  void read(std::int64_t offset, std::span<std::byte> into) const override {
    bytes_read_ += into.size();
    if (offset < 0 || static_cast<std::size_t>(offset) + into.size() > bytes_.size()) {
      throw Error(ErrorCode::run, "read beyond the end of " + path_);
    }
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }
  std::shared_ptr<const FileMap> map() const override { throw Error(ErrorCode::run, "headers are not mapped"); }
  FileStatus current_status() const override { return status_; }
  std::size_t bytes_read() const { return bytes_read_; }

 private:
  std::string path_, bytes_;
  FileStatus status_;
  mutable std::size_t bytes_read_ = 0;
};

inline std::shared_ptr<const MemoryFile> file_of(std::string bytes, std::string path = "x.safetensors") {
  return std::make_shared<const MemoryFile>(std::move(path), std::move(bytes));
}

inline std::string length_word(std::uint64_t length) {
  std::string word;
  for (int shift = 0; shift < 64; shift += 8) word.push_back(static_cast<char>(length >> shift & 0xFF));
  return word;
}

inline std::string safetensors_bytes(const std::string& json, std::size_t data_bytes) {
  return length_word(json.size()) + json + std::string(data_bytes, '\x5a');
}

// The message of the Error that `run` throws, with its code checked; "" if there is none.
template <typename F>
std::string message_of(F&& run, ErrorCode code = ErrorCode::run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code() == code ? error.what() : "wrong code: " + std::string(error.what());
  }
  return "";
}

}  // namespace brainsurgery::testing
