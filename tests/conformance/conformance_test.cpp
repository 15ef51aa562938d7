// Runs the recorded cases through the command line, in this process and each in a fresh copy of its folder, and
// compares what comes out.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "brainsurgery/registries.h"
#include "cli/command_line.h"
#include "conformance/compare.h"
#include "conformance/corpus.h"

namespace brainsurgery::conformance {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(BS_TEST_DATA) / "conformance";

// A folder for one case, made the working directory until it goes.
class CaseFolder {
 public:
  explicit CaseFolder(const std::string& name) : before_(fs::current_path()) {
    std::string pattern = (fs::temp_directory_path() / ("bs-" + name + "-XXXXXX")).string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
    fs::current_path(path_);
  }
  ~CaseFolder() {
    fs::current_path(before_);
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  CaseFolder(const CaseFolder&) = delete;
  CaseFolder& operator=(const CaseFolder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path before_, path_;
};

struct Result {
  int status = 0;
  std::string out, err;
};

Result run_program(const Case& test, const fs::path& folder) {
  lay_out(test, kCorpus, folder);
  setenv("HOME", folder.c_str(), 1);
  std::istringstream in(test.standard_input.empty() ? "" : test.texts.at(test.standard_input));
  std::ostringstream out, err;
  std::vector<std::string> arguments = {"run"};
  arguments.insert(arguments.end(), test.arguments.begin(), test.arguments.end());
  const int status = run_command_line(std::move(arguments), Streams{in, out, err}, builtin_registries());
  return Result{status, out.str(), err.str()};
}

Problem check_error(const Case& test, const Result& result, const fs::path& folder) {
  if (result.status == 0 && test.may_extend) return std::nullopt;
  if (result.status == 0) return "succeeded; expected was: " + test.expect.at("what").get<std::string>();
  if (result.status < 1 || result.status > 3) return "exit status " + std::to_string(result.status);
  if (fs::exists(folder / "out") && !fs::is_empty(folder / "out")) return "something was written in spite of the error";
  return compare_mentions(result.err + result.out, test.compare);
}

Problem check(const Case& test, const Result& result, const fs::path& folder) {
  if (test.kind == CaseKind::error) return check_error(test, result, folder);
  if (result.status != 0) return "exit status " + std::to_string(result.status);
  if (test.kind == CaseKind::output) return compare_output(test, folder);
  return compare_stdout(result.out, recorded_text(test.expect.at("stdout")), test.compare);
}

class RecordedCase : public testing::Test {
 public:
  explicit RecordedCase(Case test) : test_(std::move(test)) {}

  void TestBody() override {
    const CaseFolder folder(test_.name);
    const Result result = run_program(test_, folder.path());
    const Problem problem = check(test_, result, folder.path());
    EXPECT_FALSE(problem) << *problem << "\n"
                          << test_.texts.at("plan.yaml") << "--- standard output\n"
                          << result.out << "--- standard error\n"
                          << result.err;
  }

 private:
  Case test_;
};

// case_002_ref_alias for 002-ref-alias.
std::string test_name(const Case& test) {
  std::string name = "case_" + test.name;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

void register_cases() {
  for (const Case& test : read_corpus(kCorpus)) {
    testing::RegisterTest("Conformance", test_name(test).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [test]() -> testing::Test* { return new RecordedCase(test); });
  }
}

TEST(Corpus, IsComplete) { EXPECT_EQ(read_corpus(kCorpus).size(), 403u); }

// Every expectation must hold for itself and be missed when one byte, one dtype, or one tensor is wrong.
TEST(Corpus, ComparisonNoticesDamage) {
  int compared = 0;
  for (const Case& test : read_corpus(kCorpus)) {
    if (test.kind != CaseKind::output || test.compare.at("mode") != "bitwise") continue;
    for (const auto& [path, expected] : test.expect.items()) {
      if (!expected.contains("tensors")) continue;
      const Tensors tensors = recorded_tensors(expected.at("tensors"));
      EXPECT_EQ(compare_tensors(tensors, tensors, test.compare), std::nullopt) << test.name;
      for (const auto& [name, tensor] : tensors) {
        Tensors damaged = tensors;
        if (!tensor.bytes.empty()) damaged[name].bytes.back() ^= 0x41;
        if (tensor.bytes.empty()) damaged[name].shape.push_back(1);
        EXPECT_TRUE(compare_tensors(damaged, tensors, test.compare)) << test.name << " " << name;
        damaged = tensors;
        damaged[name].dtype = "?";
        EXPECT_TRUE(compare_tensors(damaged, tensors, test.compare)) << test.name << " " << name;
        damaged.erase(name);
        EXPECT_TRUE(compare_tensors(damaged, tensors, test.compare)) << test.name << " " << name;
        EXPECT_TRUE(compare_tensors(tensors, damaged, test.compare)) << test.name << " " << name;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 1000);
}

}  // namespace
}  // namespace brainsurgery::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    brainsurgery::conformance::register_cases();
  } catch (const std::exception& error) {
    std::cerr << "cannot read the recorded cases: " << error.what() << "\n";
    return 1;
  }
  return RUN_ALL_TESTS();
}
