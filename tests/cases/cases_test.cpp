// Runs the .case files: each case is checked, then run several times with other threads, tiles, budgets and without
// fusion, and has to give the same every time. `cases_test --accept` rewrites what is expected to what came out; read
// the difference.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "brainsurgery/session.h"
#include "cases/case_file.h"
#include "cases/tensor_text.h"
#include "support/temp_dir.h"

namespace brainsurgery::cases {
namespace {

namespace fs = std::filesystem;
using brainsurgery::testing::TempDir;
using brainsurgery::testing::write_file;

// Events as lines; those that are for progress bars are left out.
class EventLines final : public EventSink {
 public:
  std::string text;
  std::string printed;
  std::string being_written;

  void on(const Event& event) override {
    if (const auto* print = std::get_if<events::Printed>(&event)) {
      printed += print->text;
    } else if (const auto* warning = std::get_if<events::Warning>(&event)) {
      text += brainsurgery::to_string(warning->diagnostic);
    } else if (const auto* step = std::get_if<events::StepBound>(&event)) {
      text += fmt::format("{} {}:", step->index + 1, step->command);
      for (const auto& [word, count] :
           {std::pair{"created", step->created}, {"changed", step->changed}, {"deleted", step->deleted}}) {
        if (count > 0) text += fmt::format(" {} {}", word, count);
      }
      text += "\n";
    } else if (const auto* held = std::get_if<events::AssertionHeld>(&event)) {
      text += fmt::format("{} assert: holds\n", held->index + 1);
    } else if (const auto* output = std::get_if<events::OutputStarted>(&event)) {
      // Told when it is published: assertions may be decided while it is written, or before.
      being_written = fmt::format("writes {} to {} ({}): {} tensors\n", output->alias, output->path, output->reason,
                                  output->tensors);
    } else if (std::holds_alternative<events::Published>(event)) {
      text += being_written;
    }
  }
};

// A folder with the files of a case, the working directory while it lives.
class CaseFolder {
 public:
  explicit CaseFolder(const Case& test) : before_(fs::current_path()) {
    fs::current_path(folder_.path());
    for (const Section& section : test.shared) make(section);
    for (const Section& section : test.sections) make(section);
    files_ = everything();
  }
  ~CaseFolder() { fs::current_path(before_); }
  CaseFolder(const CaseFolder&) = delete;
  CaseFolder& operator=(const CaseFolder&) = delete;

  [[nodiscard]] bool untouched() const { return everything() == files_; }

 private:
  static void make(const Section& section) {
    const fs::path parent = fs::path(section.name).parent_path();
    if ((section.kind == "input" || section.kind == "file") && !parent.empty()) fs::create_directories(parent);
    if (section.kind == "input") write_checkpoint(section.name, tensors_of(section));
    if (section.kind == "file") write_file(section.name, section.text);
  }
  static std::vector<SmallTensor> tensors_of(const Section& section) {
    std::vector<SmallTensor> tensors;
    std::istringstream lines(section.text);
    for (std::string line; std::getline(lines, line);) tensors.push_back(parse_tensor(line));
    return tensors;
  }
  static std::vector<std::string> everything() {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator("."))
      files.push_back(entry.path().string() + "=" +
                      (entry.is_regular_file() ? brainsurgery::testing::read_file(entry.path()) : ""));
    std::ranges::sort(files);
    return files;
  }

  TempDir folder_;
  fs::path before_;
  std::vector<std::string> files_;
};

std::string tensor_lines(const std::string& path) {
  std::string text;
  for (const SmallTensor& tensor : read_checkpoint(path)) text += to_string(tensor) + "\n";
  return text;
}

std::string file_names(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

struct Config {
  std::string name;
  SessionOptions options;
};

std::vector<Config> configs() {
  SessionOptions plain;
  plain.sync = false;
  SessionOptions small = plain;
  small.threads = 3;
  small.tile_bytes = 16;
  SessionOptions unfused = plain;
  unfused.threads = 1;
  unfused.fuse = false;
  unfused.memory_bytes = 1;
  unfused.spill_directory = "../spill";
  return {{"as usual", plain}, {"3 threads, tiles of 16 bytes", small}, {"no fusion, no memory", unfused}};
}

std::shared_ptr<const SourceText> plan_of(const Case& test) {
  return std::make_shared<SourceText>(SourceText{"plan.yaml", test.find("plan")->text});
}

// The case with what came out in place of what was expected. Problems that no text can express are failures of the
// test.
Case actual(const Case& test, const Config& config) {
  Case result = test;
  std::erase_if(result.sections,
                [](const Section& section) { return section.kind == "error" || section.kind == "run error"; });
  const CaseFolder folder(test);
  EventLines seen_by_check, seen_by_run;
  const Outcome<RunReport> checked = Session(posix_env(), seen_by_check, config.options).check(plan_of(test));
  EXPECT_TRUE(folder.untouched()) << "check wrote something";
  const Outcome<RunReport> run = Session(posix_env(), seen_by_run, config.options).run(plan_of(test));
  if (!checked.ok()) {
    EXPECT_FALSE(run.ok()) << "check refuses what run does: " << to_string(checked.error());
    EXPECT_EQ(run.ok() ? "" : to_string(run.error()), to_string(checked.error())) << "check and run differ";
  }
  for (Section& section : result.sections) {
    if (section.kind == "events") section.text = seen_by_run.text;
    if (section.kind == "printed") section.text = seen_by_run.printed;
  }
  if (!run.ok()) {
    EXPECT_TRUE(folder.untouched()) << "something was written in spite of the error";
    std::erase_if(result.sections,
                  [](const Section& section) {
                    return section.kind == "output" || section.kind == "files" || section.kind == "content";
                  });
    result.sections.push_back({checked.ok() ? "run error" : "error",
                               std::to_string(static_cast<int>(run.error().code())), to_string(run.error())});
    return result;
  }
  for (Section& section : result.sections) {
    if (section.kind == "output") section.text = tensor_lines(section.name);
    if (section.kind == "files") section.text = file_names(section.name);
    if (section.kind == "content") section.text = brainsurgery::testing::read_file(section.name);
  }
  return result;
}

class WrittenCase : public ::testing::Test {
 public:
  explicit WrittenCase(Case test) : test_(std::move(test)) {}
  void TestBody() override {
    for (const Config& config : configs()) {
      SCOPED_TRACE(config.name);
      EXPECT_EQ(to_string({actual(test_, config)}), to_string({test_}));
    }
  }

 private:
  Case test_;
};

std::vector<fs::path> case_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(BS_TEST_CASES)) {
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string test_name(const Case& test) {
  std::string name;
  for (const char c : test.title) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

void register_cases() {
  for (const fs::path& file : case_files()) {
    for (const Case& test : parse_cases(file.filename(), brainsurgery::testing::read_file(file))) {
      if (test.is_shared()) continue;
      ::testing::RegisterTest(file.stem().c_str(), test_name(test).c_str(), nullptr, nullptr, file.c_str(), test.line,
                              [test]() -> ::testing::Test* { return new WrittenCase(test); });
    }
  }
}

// Without a section of its own an output or error is added: write the plan, accept, and read what came out.
void accept_all() {
  for (const fs::path& file : case_files()) {
    std::vector<Case> cases = parse_cases(file.filename(), brainsurgery::testing::read_file(file));
    for (Case& test : cases) {
      if (test.is_shared()) continue;
      test = actual(test, configs().front());
    }
    write_file(file, to_string(cases));
  }
}

TEST(TensorText, GoesThereAndBack) {
  for (const std::string line :
       {"a F32 [2, 2] = 1 -0 inf 0.1", "b BF16 [3] = nan 1.5 3.3895313892515355e+38", "c F16 [] = -6.103515625e-05",
        "d F8_E4M3 [2] = hex 38 ff", "e U64 [1] = 18446744073709551615", "f I8 [0, 3] =", "g F64 [1] = 0.1",
        "h BOOL [2] = 0 1"}) {
    EXPECT_EQ(to_string(parse_tensor(line)), line);
  }
  EXPECT_EQ(to_string(parse_tensor("z I8 [3] = 1 0 ...")), "z I8 [3] = 1 0 0");
  EXPECT_THROW(static_cast<void>(parse_tensor("b BF16 [1] = 0.1")), std::runtime_error);
  EXPECT_THROW(static_cast<void>(parse_tensor("b U8 [1] = 256")), std::runtime_error);
  EXPECT_THROW(static_cast<void>(parse_tensor("b U8 [2] = 1")), std::runtime_error);
}

}  // namespace
}  // namespace brainsurgery::cases

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    if (argc > 1 && std::string(argv[1]) == "--accept") {
      brainsurgery::cases::accept_all();
      return 0;
    }
    brainsurgery::cases::register_cases();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return RUN_ALL_TESTS();
}
