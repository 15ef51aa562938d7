#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/env.h"
#include "brainsurgery/format.h"
#include "formats/inspect.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "support/faulty_env.h"
#include "support/temp_dir.h"
#include "unit/formats/layout_bytes.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class OpenCheckpoint : public ::testing::Test {
 protected:
  // A file of one-byte tensors.
  void file(const std::string& name, const Names& tensors, const Metadata& metadata = {}) {
    std::vector<StoredTensor> descs;
    for (const std::string& tensor : tensors) descs.push_back({tensor, {DType::U8, {1}}});
    const SafetensorsLayout layout = layout_safetensors(descs, metadata);
    text(name, layout.header + std::string(tensors.size(), 'x'));
  }
  void text(const std::string& name, const std::string& content) {
    fs::create_directories(fs::path(directory_ / name).parent_path());
    testing::write_file(directory_ / name, content);
  }
  void index(const std::string& weight_map, const std::string& name = "m/model.safetensors.index.json") {
    text(name, "{\"metadata\":{},\"weight_map\":{" + weight_map + "}}");
  }
  Checkpoint open(const std::string& name) { return open_checkpoint(posix_env(), all_formats(), directory_ / name); }
  Names names(const std::string& name) {
    Names result;
    for (const TensorEntry& tensor : open(name).tensors) result.push_back(tensor.name);
    return result;
  }
  // The one warning, or the one Error, with the temporary directory written as "D".
  std::string warning(const std::string& name) {
    const Checkpoint checkpoint = open(name);
    EXPECT_EQ(checkpoint.warnings.size(), 1u);
    return checkpoint.warnings.empty() ? "" : shown(checkpoint.warnings.front());
  }
  std::string refusal(const std::string& name) {
    return shown(testing::message_of([&] { static_cast<void>(open(name)); }));
  }
  std::string shown(std::string message) const {
    for (std::size_t at; (at = message.find(directory_.path())) != std::string::npos;) {
      message.replace(at, directory_.path().size(), "D");
    }
    return message;
  }
  testing::TempDir directory_;
};

TEST_F(OpenCheckpoint, File) {
  file("a.safetensors", {"y", "x"}, {{"format", "pt"}});
  const Checkpoint checkpoint = open("a.safetensors");
  EXPECT_EQ(names("a.safetensors"), (Names{"x", "y"}));
  EXPECT_EQ(checkpoint.files, Names{"a.safetensors"});
  EXPECT_FALSE(checkpoint.is_directory);
  EXPECT_EQ(file_name_of(checkpoint, checkpoint.tensors[0]), "a.safetensors");
  EXPECT_EQ(checkpoint.metadata, (Metadata{{"format", "pt"}}));
  fs::rename(directory_ / "a.safetensors", directory_ / "a.ckpt");
  EXPECT_EQ(names("a.ckpt"), (Names{"x", "y"}));  // known by its content
}

TEST_F(OpenCheckpoint, DirectoryWithoutIndexMergesFilesByName) {
  file("m/b.safetensors", {"1", "0"}, {{"format", "pt"}, {"k", "b"}});
  file("m/a.SAFETENSORS", {"2"}, {{"format", "pt"}, {"k", "a"}});
  file("m/empty.safetensors", {});
  file("m/.hidden.safetensors", {"h"});
  fs::create_directories(directory_ / "m/folder.safetensors");
  for (const char* path : {"m", "m/"}) {
    const Checkpoint checkpoint = open(path);
    EXPECT_EQ(names(path), (Names{"2", "0", "1"}));
    EXPECT_EQ(checkpoint.files, (Names{"a.SAFETENSORS", "b.safetensors", "empty.safetensors"}));
    EXPECT_EQ(file_name_of(checkpoint, checkpoint.tensors[1]), "b.safetensors");
    EXPECT_EQ(checkpoint.metadata, (Metadata{{"format", "pt"}, {"k", "a"}}));
  }
  EXPECT_EQ(
      warning("m"),
      "directory 'D/m': the metadata pair 'k' of 'b.safetensors' differs from that of a file before it, which is kept");
}

TEST_F(OpenCheckpoint, IndexNamesTheFiles) {
  file("m/b.safetensors", {"1", "0"});
  file("m/s/a.safetensors", {"2"});
  file("m/stale.safetensors", {"0"});
  index(R"("0":"b.safetensors","2":"./s//a.safetensors","1":"b.safetensors")");
  const Checkpoint checkpoint = open("m");
  EXPECT_EQ(checkpoint.files, (Names{"b.safetensors", "s/a.safetensors"}));
  EXPECT_EQ(names("m"), (Names{"0", "1", "2"}));
  EXPECT_EQ(file_name_of(checkpoint, checkpoint.tensors[2]), "s/a.safetensors");
  EXPECT_EQ(warning("m"), "directory 'D/m': 'stale.safetensors' in it is not read");
}

TEST_F(OpenCheckpoint, TheOnlyIndexCountsWhateverItsStem) {
  file("m/b.safetensors", {"0"});
  file("m/c.safetensors", {"0"});
  index(R"("0":"c.safetensors")", "m/adapter.safetensors.index.json");
  EXPECT_EQ(open("m").files, Names{"c.safetensors"});
  index(R"("0":"b.safetensors")", "m/diffusion.safetensors.index.json");
  EXPECT_EQ(
      refusal("m"),
      "directory 'D/m' holds several indexes, 'adapter.safetensors.index.json' and 'diffusion.safetensors.index.json', "
      "and no 'model.safetensors.index.json'; keep one of them");
  index(R"("0":"b.safetensors")");
  EXPECT_EQ(open("m").files, Names{"b.safetensors"});
}

TEST_F(OpenCheckpoint, AFileThatHidesTheIndexWins) {
  file("m/model.safetensors", {"new"});
  file("m/a.safetensors", {"old"});
  index(R"("old":"a.safetensors")");
  EXPECT_EQ(names("m"), Names{"new"});
  EXPECT_EQ(warning("m"),
            "directory 'D/m' holds 'model.safetensors' and 'model.safetensors.index.json', which does not name it; the "
            "index is "
            "ignored, as other loaders do; remove the outdated one");
  index(R"("old":"a.safetensors","new":"model.safetensors")");
  EXPECT_EQ(names("m"), (Names{"old", "new"}));
  EXPECT_TRUE(open("m").warnings.empty());
}

TEST_F(OpenCheckpoint, StaleIndexIsReported) {
  file("m/a.safetensors", {"1"});
  file("m/b.safetensors", {"2", "3"});
  index(R"("1":"b.safetensors","2":"b.safetensors","3":"a.safetensors")");
  EXPECT_EQ(warning("m"),
            "'D/m/model.safetensors.index.json': 2 tensors found in another shard than the index says ('1' in "
            "'a.safetensors'); "
            "the shards count");
  index(R"("1":"a.safetensors","2":"b.safetensors")");
  EXPECT_EQ(warning("m"),
            "'D/m/model.safetensors.index.json': the shards hold 1 tensor that the index does not name ('3' in "
            "'b.safetensors'); "
            "they are read anyway");
  index(R"("1":"a.safetensors","4":"b.safetensors")");
  EXPECT_EQ(refusal("m"),
            "'D/m/model.safetensors.index.json': names the tensor '4' in 'b.safetensors', but no shard holds it; the "
            "index is "
            "stale or a shard was replaced");
  index(R"("1":"a.safetensors","2":"gone.safetensors")");
  EXPECT_EQ(refusal("m"),
            "'D/m/model.safetensors.index.json': names the file 'gone.safetensors', which does not exist");
  index("");
  EXPECT_EQ(refusal("m"),
            "'D/m/model.safetensors.index.json': names no file, but the directory holds 'a.safetensors'; remove the "
            "index or the "
            "file");
}

TEST_F(OpenCheckpoint, AnEmptyModelIsAnEmptyIndex) {
  index("");
  EXPECT_TRUE(open("m").tensors.empty());
}

TEST_F(OpenCheckpoint, ShardPathsStayInsideTheDirectory) {
  file("m/a.safetensors", {"1"});
  file("up.safetensors", {"1"});
  const Names paths = {"",
                       "/a.safetensors",
                       "../up.safetensors",
                       "s/../../up.safetensors",
                       "..\\\\up.safetensors",
                       "\\\\a.safetensors",
                       "s\\\\a.safetensors",
                       "C:a.safetensors",
                       "a.safetensors\\u0000",
                       "a.bin",
                       "a.safetensors/"};
  for (const std::string& path : paths) {
    index("\"1\":\"" + path + "\"");
    const std::string message = refusal("m");
    EXPECT_TRUE(message.starts_with("'D/m/model.safetensors.index.json': invalid index: the file '"))
        << path << ": " << message;
    EXPECT_TRUE(message.ends_with("' of tensor '1' is not the path of a .safetensors file inside the directory"))
        << message;
  }
  index(R"("1":7)");
  EXPECT_EQ(refusal("m"), "'D/m/model.safetensors.index.json': invalid index: the file of tensor '1' is not a string");
}

TEST_F(OpenCheckpoint, ReadsThroughLinksButOpensNoDevices) {
  file("blobs/1", {"1"});
  fs::create_directories(directory_ / "m");
  fs::create_symlink("../blobs/1", directory_ / "m/a.safetensors");
  EXPECT_EQ(names("m"), Names{"1"});
  fs::create_symlink("/dev/zero", directory_ / "m/b.safetensors");
  EXPECT_NE(refusal("m"), "");
}

TEST_F(OpenCheckpoint, OneNameInTwoFilesIsRefused) {
  file("m/a.safetensors", {"w"});
  file("m/b.safetensors", {"w"});
  EXPECT_EQ(refusal("m"), "directory 'D/m': the tensor 'w' is in 'a.safetensors' and in 'b.safetensors'");
}

TEST_F(OpenCheckpoint, SaysWhatIsThereInstead) {
  file("model-a.safetensors", {});
  file("model-b.safetensors", {});
  EXPECT_EQ(refusal("model-c.safetensors"),
            "checkpoint 'D/model-c.safetensors' does not exist; did you mean 'D/model-a.safetensors' or "
            "'D/model-b.safetensors'?");
  EXPECT_EQ(refusal("no/where"), "checkpoint 'D/no/where' does not exist, nor does the directory 'D/no'");
  fs::create_directories(directory_ / "empty");
  EXPECT_EQ(refusal("empty"), "directory 'D/empty' holds no checkpoint");
  text("torch/pytorch_model.bin", "?");
  EXPECT_EQ(
      refusal("torch"),
      "'D/torch/pytorch_model.bin' is not a PyTorch file: it is neither a zip archive nor a file of before 1.6 (a "
      "download cut off, or the tar archives of 0.1?)");
  text("dcp/__0_0.distcp", "?");
  EXPECT_EQ(refusal("dcp"),
            "directory 'D/dcp' holds no checkpoint; of a distributed PyTorch checkpoint it lacks '.metadata'");
  index(R"("1":"a.safetensors")", "model.safetensors.index.json");
  EXPECT_EQ(refusal("model.safetensors.index.json"),
            "'D/model.safetensors.index.json' is the index of a checkpoint; name its directory instead");
}

TEST_F(OpenCheckpoint, NamesFormatsThatItKnowsBySight) {
  const std::string zip("PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0", 30);
  const std::string reads = "; this version reads safetensors, npz, torch, numpy, gguf";
  const std::vector<std::tuple<std::string, std::string, std::string>> rows = {
      {"x.pth", "", "is not a PyTorch file: it is empty"},
      {"x.bin", "\x80\x02}.", "is not a PyTorch file: it is a pickle without the header that torch.save writes"},
      {"z.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
       "is a Git LFS pointer, not the file itself; fetch the file with 'git lfs pull'"},
      {"x.txt", "hello", "is not a checkpoint" + reads},
  };
  for (const auto& [name, content, message] : rows) {
    text(name, content);
    EXPECT_EQ(refusal(name), "'D/" + name + "' " + message);
  }
  file("m/model.safetensors", {"w"});
  text("m/training_args.bin", zip);
  EXPECT_EQ(open("m").warnings, Names{});  // a trainer's file is nobody's business
  text("m/pytorch_model.bin", zip);
  EXPECT_EQ(warning("m"), "directory 'D/m': 'pytorch_model.bin' in it is not read");
}

TEST_F(OpenCheckpoint, NamesAWebPageWhateverItsSuffix) {
  for (const std::string page : {"\n<!doctype HTML><title>404</title>", "<HTML>", "<?xml version='1.0'?><Error/>"}) {
    text("x.gguf", page);
    EXPECT_EQ(
        refusal("x.gguf"),
        "'D/x.gguf' is a web page, not the file itself; download it again, logged in where the server asks for it");
  }
}

TEST_F(OpenCheckpoint, ADirectoryOfFilesThatStandAloneNamesOne) {
  text("gguf/model.Q4_K.gguf", "?");
  EXPECT_EQ(refusal("gguf"), "directory 'D/gguf' holds no checkpoint; name the file 'D/gguf/model.Q4_K.gguf' itself");
}

// What a file is shows in its bytes first: the names of an archive's entries, however long, tell NumPy's from
// PyTorch's.
TEST_F(OpenCheckpoint, RecognisesArraysByTheirBytes) {
  const std::string corpus = BS_TEST_DATA "/corpus/npy/";
  for (const char* name : {"001_basic.npy", "020_npz_good.npz", "101_deflated.npz"}) {
    text("x.bin", testing::read_file(corpus + name));
    EXPECT_FALSE(open("x.bin").tensors.empty()) << name;
  }
  const std::string long_name(3000, 'n');
  const std::vector<StoredTensor> tensors{{long_name, {DType::U8, {1}}, 0}};
  const std::vector<std::int64_t> sizes{1};
  text("x.npz", testing::written(layout_npz({tensors, sizes, {}}), {"x"}));
  EXPECT_EQ(names("x.npz"), Names{long_name});
}

// An array has no name: it is called after its file, so that a pattern can name many.
TEST_F(OpenCheckpoint, CallsWhatHasNoNameAfterItsFile) {
  const std::string array = testing::read_file(BS_TEST_DATA "/corpus/npy/001_basic.npy");
  text("arrays/h.0.w.npy", array);
  text("arrays/h.1.w.NPY", array);
  EXPECT_EQ(names("arrays/*"), (Names{"h.0.w", "h.1.w"}));
  EXPECT_EQ(names("arrays/h.0.w.npy"), Names{"h.0.w"});
  text("no suffix", array);
  EXPECT_EQ(names("no suffix"), Names{"no suffix"});
  text(".npy", array);
  EXPECT_EQ(names(".npy"), Names{".npy"});
  EXPECT_NE(inspect_json(open("arrays/h.0.w.npy"), {}).find(R"({"name": "", "called": "h.0.w", "dtype")"),
            std::string::npos);
}

// Whatever call of the file system fails, opening ends with an Error and never with fewer tensors.
TEST_F(OpenCheckpoint, PassesOnEveryFailureOfTheFileSystem) {
  file("m/a.safetensors", {"1", "2"});
  file("m/b.safetensors", {"3"});
  index(R"("1":"a.safetensors","2":"a.safetensors","3":"b.safetensors")");
  int failures = 0;
  for (int n = 1; n < 100; ++n) {
    testing::FaultyEnv env(posix_env(), {.fail_at = n, .reason = "Input/output error"});
    const std::string message = testing::message_of(
        [&] { EXPECT_EQ(open_checkpoint(env, all_formats(), directory_ / "m").tensors.size(), 3u); });
    if (!env.failed()) break;
    EXPECT_NE(message.find("Input/output error"), std::string::npos) << message;
    ++failures;
  }
  EXPECT_GT(failures, 6);
  EXPECT_LT(failures, 99);
}

// Names of different files stand between each other in the index.
TEST_F(OpenCheckpoint, FindsEveryNameInTheIndex) {
  const Names files{"a.safetensors", "b.safetensors", "c.safetensors"};
  std::vector<Names> held(files.size());
  std::string map;
  for (int i = 0; i < 300; ++i) {
    const auto shard = static_cast<std::size_t>(i * i % 7) % files.size();
    held[shard].push_back(std::to_string(i));
    map += fmt::format("{}\"{}\":\"{}\"", i == 0 ? "" : ",", i, files[shard]);
  }
  for (std::size_t i = 0; i < files.size(); ++i) file("m/" + files[i], held[i]);
  index(map);
  EXPECT_EQ(open("m").warnings, Names());
  index(map + R"(,"77x":"b.safetensors")");
  EXPECT_EQ(refusal("m"),
            "'D/m/model.safetensors.index.json': names the tensor '77x' in 'b.safetensors', but no shard holds it; the "
            "index is stale or a shard was replaced");
}

TEST_F(OpenCheckpoint, ThreadsMakeNoDifference) {
  const auto name_of = [](int i) { return fmt::format("m/{:02}.safetensors", i); };
  for (int i = 0; i < 40; ++i) file(name_of(i), {std::to_string(i)}, {{"k", std::to_string(i / 20)}});
  const Checkpoint alone = open("m"), together = open_checkpoint(posix_env(), all_formats(), directory_ / "m", 4);
  EXPECT_EQ(together.files, alone.files);
  EXPECT_EQ(together.warnings, alone.warnings);
  EXPECT_EQ(alone.warnings.size(), 20u);
  ASSERT_EQ(together.tensors.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(together.tensors[i].name, alone.tensors[i].name);
  for (const int i : {37, 11, 12}) text(name_of(i), "no file");
  for (int repeat = 0; repeat < 20; ++repeat) {
    const std::string message = testing::message_of(
        [&] { static_cast<void>(open_checkpoint(posix_env(), all_formats(), directory_ / "m", 4)); });
    EXPECT_EQ(shown(message), refusal("m"));
    EXPECT_NE(message.find("/11.safetensors"), std::string::npos) << message;
  }
}

TEST_F(OpenCheckpoint, APatternIsAllFilesThatItMatches) {
  file("s/m-2.safetensors", {"b"}, {{"format", "pt"}});
  file("s/m-1.safetensors", {"z"}, {{"k", "v"}});
  file("s/n.safetensors", {"b"});
  const Checkpoint checkpoint = open("s/m-*.safetensors");
  EXPECT_EQ(names("s/m-*.safetensors"), (Names{"z", "b"}));
  EXPECT_EQ(checkpoint.root + checkpoint.files[0], directory_ / "s/m-1.safetensors");
  EXPECT_EQ(checkpoint.files, (Names{"m-1.safetensors", "m-2.safetensors"}));
  EXPECT_EQ(file_name_of(checkpoint, checkpoint.tensors[1]), "m-2.safetensors");
  EXPECT_EQ(checkpoint.format, "safetensors");
  EXPECT_FALSE(checkpoint.is_directory);
  EXPECT_EQ(refusal("s/*.safetensors"),
            "'D/s/*.safetensors': the tensor 'b' is in 'm-2.safetensors' and in 'n.safetensors'");
  EXPECT_EQ(refusal("s/k-*.safetensors"), "no file matches 'D/s/k-*.safetensors'; did you mean 'D/s/m-*.safetensors'?");
  EXPECT_EQ(refusal("s/m-*.safetensors#x"), "'D/s/m-*.safetensors#x': '#x' is for one file, not for a pattern");
  file("s/m-*.safetensors", {"itself"});  // a file of that very name
  EXPECT_EQ(names("s/m-*.safetensors"), Names{"itself"});
  file("s/p#1.safetensors", {"a"});  // no part
  EXPECT_EQ(names("s/?#1.safetensors"), Names{"a"});
  EXPECT_EQ(refusal("s/m-1.safetensors#"), "'D/s/m-1.safetensors#' names no part behind '#'");
  file("s/q#", {"a"});
  EXPECT_EQ(names("s/q#"), Names{"a"});
}

TEST_F(OpenCheckpoint, NumberedFilesAreComplete) {
  const std::string advice = " is missing; name the files one by one to read the others alone";
  file("m/x-00001-of-00003.safetensors", {"a"});
  file("m/x-00003-of-00003.safetensors", {"c"});
  file("m/y-00000-of-00001.safetensors", {"d"});
  EXPECT_EQ(refusal("m"), "directory 'D/m': of the shards in it 'x-00002-of-00003.safetensors'" + advice);
  EXPECT_EQ(refusal("m/x-*"), "'D/m/x-*': of the shards in it 'x-00002-of-00003.safetensors'" + advice);
  EXPECT_EQ(names("m/x-00001-of-00003.safetensors"), Names{"a"});
  file("m/x-00002-of-00003.safetensors", {"b"});
  EXPECT_EQ(names("m"), (Names{"a", "b", "c", "d"}));
  EXPECT_EQ(names("m/x-0000[13]*"), (Names{"a", "c"}));  // the third is there, so it was not meant
  EXPECT_EQ(warning("m/x-0000[13]*"), "'D/m/x-0000[13]*': does not match 'x-00002-of-00003.safetensors', which is "
                                      "numbered with others that it matches");
}

TEST_F(OpenCheckpoint, PartsAreNumberedInManyWays) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"model-00001-of-00002.bf16.safetensors", "model-00002-of-00002.bf16.safetensors"},
      {"model.bf16-00002-of-00002.safetensors", "model.bf16-00001-of-00002.safetensors"},
      {"z-0001-of-0002.safetensors", "z-0002-of-0002.safetensors"},
      {"z_1_of_3.SafeTensors", "z_2_of_3.SafeTensors"},
      {"z-part3of3.sft", "z-part1of3.sft"},
      {"shard-00001-model-00001-of-00002.safetensors", "shard-00001-model-00002-of-00002.safetensors"},
  };
  for (const auto& [there, missing] : rows) {
    file("m/" + there, {"a"});
    const std::string reason =
        "of the shards in it '" + missing + "' is missing; name the files one by one to read the others alone";
    EXPECT_EQ(refusal("m"), "directory 'D/m': " + reason);
    EXPECT_EQ(refusal("m/*"), "'D/m/*': " + reason);
    fs::remove(directory_ / ("m/" + there));
  }
  for (const std::string alone : {"1-of-1.safetensors", "list-of-2.safetensors", "3-of-2.safetensors", "of.safetensors",
                                  "7-of-99999999999999999999.safetensors"}) {
    file("m/" + alone, {"a"});
    EXPECT_EQ(names("m"), Names{"a"});
    fs::remove(directory_ / ("m/" + alone));
  }
  file("of-1-of-2/a.safetensors", {"a"});
  EXPECT_EQ(names("of-*/*"), Names{"a"});  // a folder's number is not the file's
}

TEST_F(OpenCheckpoint, OneFileMayCountSteps) {
  const std::string reason =
      " has the number of a shard, and no other shard is there; if it is one, tensors are missing";
  file("m/best.safetensors", {"a"});
  file("m/epoch_3of10.safetensors", {"b"});
  EXPECT_EQ(names("m"), (Names{"a", "b"}));
  EXPECT_EQ(warning("m"), "directory 'D/m': 'epoch_3of10.safetensors'" + reason);
  file("n/step-100-of-1000.safetensors", {"a"});
  EXPECT_EQ(names("n"), Names{"a"});
  EXPECT_EQ(warning("n/*"), "'D/n/*': 'step-100-of-1000.safetensors'" + reason);
  file("n/step-200-of-1000.safetensors", {"b"});
  EXPECT_EQ(refusal("n"), "directory 'D/n': of the shards in it 'step-001-of-1000.safetensors' is missing; name the "
                          "files one by one to read the others alone");
}

TEST_F(OpenCheckpoint, AnIndexOfNumberedFilesNamesAllOfThem) {
  file("m/x-1-of-2.safetensors", {"a"});
  file("m/x-2-of-2.safetensors", {"b"});
  index(R"("a":"x-1-of-2.safetensors")");
  EXPECT_EQ(open("m").warnings, (Names{"'" + (directory_ / "m/model.safetensors.index.json") +
                                           "': does not name 'x-2-of-2.safetensors', which is numbered with the files "
                                           "that it names",
                                       "directory '" + (directory_ / "m") + "': 'x-2-of-2.safetensors' in it is not read"}));
}

TEST_F(OpenCheckpoint, OffsetsOfManyPartsTakeNoLongerThanTheirTensors) {
  constexpr int kTensors = 20'000;
  Names tensors;
  std::string offsets = R"({"x": {"saved_offsets": [0]})";
  for (int i = 0; i < kTensors; ++i) {
    tensors.push_back(fmt::format("w{:05}", i));
    offsets += fmt::format(R"(, "{}": {{"saved_offsets": [0]}})", tensors.back());
  }
  file("m/a.safetensors", tensors, {{"DCP_SHARDING_INFO", offsets + "}"}});
  file("m/b.safetensors", {"other"});
  EXPECT_EQ(names("m").size(), kTensors + 1u);
  EXPECT_EQ(warning("m"), "'D/m/a.safetensors': DCP_SHARDING_INFO places 'x', which the file does not hold");
}

TEST_F(OpenCheckpoint, FilesWithoutTensorsAreLeftAside) {
  // {"step": 2} as torch.save wrote it before version 1.6.
  const std::string settings(
      "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00(X\x10\x00\x00\x00proto"
      "col_versionq\x01M\xe9\x03X\x0d\x00\x00\x00little_endianq\x02\x88X\x0a\x00\x00\x00type_sizesq\x03}q"
      "\x04(X\x05\x00\x00\x00shortq\x05K\x02X\x03\x00\x00\x00intq\x06K\x04X\x04\x00\x00\x00longq\x07K\x04uu"
      ".\x80\x02}q\x00X\x04\x00\x00\x00stepq\x01K\x02s.\x80\x02]q\x00.",
      163);
  text("m/settings.bin", settings);
  const std::string reason = "'D/m/settings.bin': invalid PyTorch file: the pickled object: it holds no tensor, but a dict";
  EXPECT_EQ(refusal("m"), reason);
  EXPECT_EQ(refusal("m/*"), reason);
  file("m/model.ckpt", {"w"});
  text("m/merges.bin", "#version: 0.2\n");  // of another program
  text("m/states.pt", "\x80\x02}.");
  for (const std::string way : {"m", "m/*"}) {
    EXPECT_EQ(names(way), Names{"w"});
    EXPECT_EQ(open(way).files, Names{"model.ckpt"});
  }
  EXPECT_EQ(warning("m"), "directory 'D/m': 'merges.bin' and 2 more without tensors are not read");
  // What the model needs cannot be left aside.
  text("m/model-00001-of-00001.bin", settings);
  EXPECT_EQ(refusal("m"),
            "'D/m/model-00001-of-00001.bin': invalid PyTorch file: the pickled object: it holds no tensor, but a dict");
  fs::remove(directory_ / "m/model-00001-of-00001.bin");
  text("m/pytorch_model.bin", "<!>");
  EXPECT_TRUE(refusal("m").starts_with("'D/m/pytorch_model.bin' is not a PyTorch file"));
  // A model in another format than the file without tensors.
  file("n/extra.safetensors", {});
  EXPECT_EQ(names("n"), Names{});
  file("n/model.ckpt", {"w"});
  EXPECT_EQ(names("n"), Names{"w"});
  EXPECT_EQ(warning("n"), "directory 'D/n': 'extra.safetensors' in it is not read");
}

TEST_F(OpenCheckpoint, VariantsHaveAnIndexOfTheirOwn) {
  file("m/model.fp16-00001-of-00001.safetensors", {"a"});
  file("m/other.safetensors", {"b"});
  index(R"("a":"model.fp16-00001-of-00001.safetensors")", "m/model.safetensors.index.fp16.json");
  EXPECT_EQ(names("m"), Names{"a"});
  EXPECT_EQ(refusal("m/model.safetensors.index.fp16.json"),
            "'D/m/model.safetensors.index.fp16.json' is the index of a checkpoint; name its directory instead");
  file("m/model.fp16.safetensors", {"new"});
  EXPECT_EQ(names("m"), Names{"new"});  // hides the index
  index(R"("b":"other.safetensors")");
  EXPECT_EQ(names("m"), Names{"b"});
}

TEST_F(OpenCheckpoint, ACacheOfModelsLeadsToItsSnapshot) {
  const std::string cache = "models--org--name";
  text(cache + "/blobs/1111", "");
  fs::create_directories(directory_ / (cache + "/snapshots"));
  EXPECT_EQ(refusal(cache), "directory 'D/" + cache + "' is a cache of models without a snapshot; download the model again");
  file(cache + "/snapshots/abc/model.safetensors", {"a"});
  EXPECT_EQ(names(cache), Names{"a"});  // the only one
  EXPECT_EQ(open(cache).root, (directory_ / cache) + "/snapshots/abc/");
  file(cache + "/snapshots/def/model.safetensors", {"d"});
  EXPECT_EQ(refusal(cache), "directory 'D/" + cache +
                                "' is a cache of 2 snapshots, and its refs/main names none of them; name the directory "
                                "of one");
  text(cache + "/refs/main", "def\n");
  EXPECT_EQ(names(cache + "/"), Names{"d"});
  for (const std::string wrong : {"..", "nowhere", "../snapshots/abc", ""}) {
    text(cache + "/refs/main", wrong);
    EXPECT_TRUE(refusal(cache).find("names none of them") != std::string::npos);
  }
  file(cache + "/model.safetensors", {"itself"});
  EXPECT_EQ(names(cache), Names{"itself"});
  file("models--org--bare/snapshots/abc/model.safetensors", {"b"});  // copied without refs and blobs
  EXPECT_EQ(names("models--org--bare"), Names{"b"});
  EXPECT_EQ(names("models--org--bare/"), Names{"b"});
}

TEST_F(OpenCheckpoint, LinksThatPointToNothing) {
  file("m/a.safetensors", {"a"});
  fs::create_symlink("nowhere", directory_ / "m/b.safetensors");
  EXPECT_EQ(refusal("m"), "'D/m/b.safetensors' is a link that points to nothing");
  EXPECT_EQ(refusal("m/b.safetensors"), "checkpoint 'D/m/b.safetensors' is a link that points to nothing");
  index(R"("b":"b.safetensors")");
  EXPECT_EQ(refusal("m"),
            "'D/m/model.safetensors.index.json': names the file 'b.safetensors', a link that points to nothing");
}

TEST_F(OpenCheckpoint, InspectionIsJsonInNameOrder) {
  file("m/a.safetensors", {"w\n\"é\x01"}, {{"k", "v\\"}});
  file("m/b.safetensors", {"a"});
  EXPECT_EQ(inspect_json(open("m"), {}),
            R"({"tensors": [{"name": "a", "dtype": "U8", "shape": [1], "nbytes": 1, "file": "b.safetensors"}, )"
            R"({"name": "w\n\"é\u0001", "dtype": "U8", "shape": [1], "nbytes": 1, "file": "a.safetensors"}], )"
            R"("metadata": {"k": "v\\"}, "format": "safetensors"})");
  file("one.safetensors", {"a"});
  EXPECT_EQ(
      inspect_json(open("one.safetensors"), {.digest = true}),
      R"({"tensors": [{"name": "a", "dtype": "U8", "shape": [1], "nbytes": 1, "file": "one.safetensors", "sha256": )"
      R"("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}], "metadata": {}, "format": "safetensors"})");
}

}  // namespace
}  // namespace brainsurgery
