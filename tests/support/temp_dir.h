// A fresh folder for one test, removed with everything in it at the end; and reading and writing whole small files.
#pragma once

#include <string>
#include <string_view>

namespace brainsurgery::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The path of `name` inside.
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

void write_file(const std::string& path, std::string_view content);
[[nodiscard]] std::string read_file(const std::string& path);  // "" where there is none

}  // namespace brainsurgery::testing
