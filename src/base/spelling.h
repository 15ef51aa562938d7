// "did you mean 'from'?": the candidates nearest to a mistyped word. The only such search.
//
//   diagnostics.error(span, "unknown key 'form'", did_you_mean("form", keys));
//
// Distance is Damerau-Levenshtein on ASCII-lowered bytes (insert, delete, replace, swap neighbours: 1 each). A
// candidate counts up to about a third of the word's length. Ties go to the exact case, then to alphabetical order, so
// that the result does not depend on the order of the candidates. Fine for 100,000 of them: most are cut off by length.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

// For candidates that do not stand in one array: offer() each, then take the result. Keeps copies of the best only.
class NearestNames {
 public:
  NearestNames(std::string_view word, std::size_t max);
  void offer(std::string_view candidate);
  [[nodiscard]] std::vector<std::string> result() const;  // best first

 private:
  struct Hit {
    int distance = 0;
    bool same_case = false;
    std::string name;
  };
  std::string word_;   // lowered
  std::string exact_;  // as given
  std::size_t max_;
  int limit_;              // distances above it do not count
  std::vector<Hit> hits_;  // sorted, best first
};

[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> candidates);
// The note for a message about the word: "did you mean 'from'?", or none where nothing is near.
[[nodiscard]] std::vector<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates);
[[nodiscard]] std::vector<std::string> nearest_many(std::string_view word, std::span<const std::string> candidates,
                                                    std::size_t max);

}  // namespace brainsurgery
