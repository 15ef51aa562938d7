// PyTorch files: what the pickle machine takes, archives that go through writer and reader, state dicts, and damaged
// files.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <variant>

#include "brainsurgery/format.h"
#include "formats/adapted_file.h"
#include "formats/digest.h"
#include "formats/inspect.h"
#include "formats/pickle_vm.h"
#include "formats/pickle_writer.h"
#include "formats/torch_file.h"
#include "formats/torch_globals.h"
#include "formats/torch_layout.h"
#include "formats/zip_directory.h"
#include "formats/zip_writer.h"
#include "support/temp_dir.h"
#include "unit/formats/layout_bytes.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::message_of;
using testing::written;

FileContents read(const std::string& bytes, std::string_view part = "") {
  const Format format = torch_format();
  FileContents contents = part.empty() ? format.read(testing::file_of(bytes, "x.pt"))
                                       : format.read_part(testing::file_of(bytes, "x.pt"), part);
  if (!contents.without_tensors.empty()) throw Error(ErrorCode::run, contents.without_tensors);
  return contents;
}

StoredTensor stored(std::string_view name, TensorDesc desc, std::size_t content, std::int64_t offset = 0,
                    std::vector<std::int64_t> strides = {}) {
  return {name, std::move(desc), content, offset, std::move(strides)};
}

std::string torch_bytes(const std::vector<StoredTensor>& tensors, const std::vector<std::string>& contents) {
  std::vector<std::int64_t> sizes;
  for (const std::string& content : contents) sizes.push_back(std::ssize(content));
  return written(layout_torch({tensors, sizes, {}}), contents);
}

TEST(PickleVm, ReadsWhatIsAllowed) {
  const std::string bytes(
      "\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01"
      "a\x94K\x07h\x01\x8a\x02\x00\x80u.",
      28);
  EXPECT_EQ(message_of([&] {
              const PickleTree tree = read_pickle(bytes, torch_global, "x");
              const PickleNode& root = tree[tree.root];
              ASSERT_EQ(root.kind, PickleNode::Kind::dict);
              ASSERT_EQ(root.items().size(), 4u);
              EXPECT_EQ(root.items()[0], root.items()[2]);  // one text by memo
              EXPECT_EQ(tree[root.items()[1]].integer, 7);
              EXPECT_EQ(tree[root.items()[3]].integer, -32768);
              EXPECT_EQ(tree.size, std::ssize(bytes));
            }),
            "");
}

TEST(PickleVm, NamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"cos\nsystem\n.",
       "it asks for 'os.system', which a checkpoint does not need and this program does not allow (at byte 0)"},
      {"\x8c\x05posix\x8c\x06system\x93.",
       "it asks for 'posix.system', which a checkpoint does not need and this program "
       "does not allow (at byte 15)"},
      {"(ios\nsystem\n.", "opcode 0x69 is not one that checkpoints use (at byte 1)"},
      {"ctorch\nfloat32\n)R.", "it calls 'torch.float32', which must not be called (at byte 16)"},
      {"cbuiltins\nbytearray\nK\x09\x85R.",
       "'builtins.bytearray' is called with arguments that it does not take (at byte 23)"},
      {std::string("c_codecs\nencode\nX\x01\0\0\0xX\x04\0\0\0zlib\x86R.", 34),
       "'_codecs.encode' is called with arguments that it does not take (at byte 32)"},
      {std::string("\x95\x03\0\0\0\0\0\0\0N.", 11), "a frame reaches beyond its end (at byte 0)"},
      {"K\x01"
       "b.",
       "an operation lacks its operand (at byte 2)"},
      {"]K\x01K\x01s.", "it sets a key of a list (at byte 5)"},
      {"}]K\x01s.", "a key is a list, which Python does not take (at byte 4)"},
      {"(K\x01.", "it ends with 1 values, not one (at byte 3)"},
      {"X\xff\xff\xff\x7fz", "it ends too early (at byte 0)"},
      {"h\x05.", "memo 5 was never filled (at byte 0)"},
      {std::string("X\x01\0\0\0\xff.", 7), "a string is not valid UTF-8 (at byte 0)"},
      {std::string(5000, '('), "more than 1000 open marks (at byte 1000)"},
  };
  for (const auto& row : rows) {
    const std::string& pickle = row.first;
    EXPECT_EQ(message_of([&] { static_cast<void>(read_pickle(pickle, torch_global, "x")); }), "x: " + row.second);
  }
}

// A few bytes that ask for the same large dict again and again.
TEST(PickleVm, DoesNotGrowBeyondThePickle) {
  std::string bytes = "}q\x01(";
  for (int i = 0; i < 100'000; ++i) bytes += "NN";
  bytes +=
      "uccollections\nOrderedDict\nq\x02"
      "0";
  for (int i = 0; i < 100'000; ++i) bytes += "h\x02h\x01\x85R0";
  bytes += ".";
  EXPECT_NE(message_of([&] { static_cast<void>(read_pickle(bytes, torch_global, "x")); }).find("take more memory"),
            std::string::npos);
}

std::string number_bytes(std::uint64_t number, int bytes) {
  return testing::length_word(number).substr(0, static_cast<std::size_t>(bytes));
}

std::string long_text(std::size_t size) { return "X" + number_bytes(size, 4) + std::string(size, 'k'); }

std::string tensor_pickle(const std::string& sizes, const std::string& strides) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((X" + number_bytes(7, 4) + "storagectorch\nFloatStorage\nX" +
         number_bytes(1, 4) + "0X" + number_bytes(3, 4) + "cpuK\x04tQK" + std::string(1, '\0') + "(" + sizes + "t(" +
         strides +
         "t\x89"
         "ccollections\nOrderedDict\n)RtR";
}

// An archive as the writer makes it, with other pickles in it.
std::string archive_of(const std::string& pickle, bool is_script = false) {
  FileLayout layout;
  ZipWriter zip(layout);
  const auto add = [&](const std::string& name, const std::string& bytes) { zip.add("archive/" + name, bytes); };
  add("data.pkl", "\x80\x02" + pickle + ".");
  if (is_script) add("constants.pkl", "\x80\x02).");
  add("data/0", "0123456789abcdef");
  add("version", "3\n");
  zip.finish();
  return written(layout, {});
}

// What a few bytes ask for again and again, or without end: refused or read, in little time and memory.
TEST(TorchFile, AsksForNoMoreThanItHolds) {
  const auto repeated = [](const std::string& what, int times) {
    std::string bytes;
    for (int i = 0; i < times; ++i) bytes += what;
    return bytes;
  };
  const auto refusal = [](const std::string& pickle, bool is_script = false) {
    const std::string message = message_of([&] { static_cast<void>(read(archive_of(pickle, is_script))); });
    const std::string prefix = "'x.pt': invalid PyTorch archive: data.pkl: ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  };
  const std::string tensor = tensor_pickle("K\2", "K\1");
  // A script that is its own state.
  EXPECT_EQ(refusal("c__torch__\nX\n)Rq" + number_bytes(0, 1) + "h" + number_bytes(0, 1) + "b", true),
            "it holds no tensor, but an object");
  // One long key of many values, in one dict and along many paths.
  EXPECT_EQ(refusal("}(" + long_text(1 << 20) + "q\1N" + repeated("h\1N", 100'000) + "u"),
            "it holds no tensor, but a dict");
  std::string names = tensor +
                      "q\1"
                      "0}(" +
                      long_text(1 << 19) + "q\2}(";
  for (int i = 0; i < 1000; ++i) names += "M" + number_bytes(static_cast<std::uint64_t>(i), 2) + "h\1";
  EXPECT_EQ(refusal(names + "uu"), "its tensors and their names take more memory than a pickle of its size needs");
  // One large tuple as the arguments of many calls, one long name of many globals, one long key of many storages.
  EXPECT_EQ(refusal("(" + repeated("N", 500'000) +
                    "tq\1"
                    "0ctorch._utils\n_rebuild_tensor_v2\nq\2" +
                    repeated("0h\2h\1R", 200'000)),
            "a tensor is rebuilt from None");
  EXPECT_NE(refusal(long_text(5000) + "X" + number_bytes(1, 4) + "y\x93").find("the name of a global is too long"),
            std::string::npos);
  std::string storage = tensor;
  storage.replace(storage.find("X" + number_bytes(1, 4) + "0"), 6, long_text(2000));
  EXPECT_EQ(refusal(storage), "the key of a storage is too long");
  // One long name of a layout of many tensors.
  const std::string layout = "ctorch.serialization\n_get_layout\n(" + long_text(1 << 20) + "tR";
  std::string sparse = "ctorch._utils\n_rebuild_sparse_tensor\n(" + layout + "(" + tensor +
                       "q\1h\1h\1(K\2tttRq\2"
                       "0](" +
                       repeated("h\2", 100) + "e";
  sparse.replace(sparse.find("kkk"), 13, "torch.sparse_");
  EXPECT_EQ(refusal(sparse), "its tensors and their names take more memory than a pickle of its size needs");
  // The children of one dict again for each of its parents, though all of them are left out.
  EXPECT_NE(refusal("}(X" + number_bytes(5, 4) + "model}q\1X" + number_bytes(1, 4) + "w" + tensor + "sX" +
                    number_bytes(1, 4) + "z](](" + repeated("h\1", 10'000) + "eq\2" + repeated("h\2", 10'000) + "eu")
                .find("unfold to too many values"),
            std::string::npos);
}

// Containers that share what is below them, under keys that can be read in two ways: ever more ways lead to nothing.
TEST(TorchFile, LooksForAPartOnce) {
  const auto text = [](const std::string& value) { return "X" + number_bytes(value.size(), 4) + value; };
  std::string pickle = "}q" + number_bytes(200, 1) + "0";
  std::string part = "a";
  constexpr int kDepth = 60;
  for (int i = 0; i < kDepth; ++i) {
    const std::string below = "h" + number_bytes(i == 0 ? 200 : static_cast<std::uint64_t>(i), 1);
    pickle += "}(" + text("a") + below + text("a.a") + below + "uq";
    pickle += number_bytes(static_cast<std::uint64_t>(i) + 1, 1) + (i + 1 < kDepth ? "0" : "");
    part += ".a";
  }
  const std::string archive = archive_of("}(" + text("w") + tensor_pickle("K\2", "K\1") + text("p") + pickle + "u");
  EXPECT_EQ(message_of([&] { static_cast<void>(read(archive, "p." + part + ".b")); }),
            "'x.pt' has no part 'p." + part + ".b' that holds tensors");
}

TEST(TorchFile, SaysWhatItLeavesAside) {
  const auto text = [](const std::string& value) { return "X" + number_bytes(value.size(), 4) + value; };
  const std::string tensor = tensor_pickle("K\2", "K\1");
  const std::string two = archive_of("}(" + text("model") + "}" + text("w") + tensor + "s" + text("optimizer") + "](" +
                                     tensor + tensor + "eu");
  EXPECT_EQ(read(two).warnings,
            std::vector<std::string>{"'x.pt': ignored entries outside the model: 'optimizer.0' and 1 more tensors"});
  EXPECT_TRUE(read(two, "model").warnings.empty());  // whoever names a part knows
}

// A defaultdict is a dict; the class that makes its missing values is mentioned, and no value is made by it.
TEST(TorchFile, ReadsDefaultDicts) {
  const auto text = [](const std::string& value) { return "X" + number_bytes(value.size(), 4) + value; };
  const FileContents got = read(archive_of("ccollections\ndefaultdict\nc__builtin__\ndict\n\x85R(" + text("w") +
                                           tensor_pickle("K\2", "K\1") + text("n") + "K\1u"));
  ASSERT_EQ(got.tensors.size(), 1u);
  EXPECT_EQ(got.tensors[0].name, "w");
  EXPECT_EQ(got.warnings, std::vector<std::string>{"'x.pt': skipped non-tensor entries: 'n'"});
}

// A stride that nobody takes a step along may be anything.
TEST(TorchFile, IgnoresStridesOfSizeOne) {
  const std::string most = "\x8a\x08" + number_bytes(0x7FFF'FFFF'FFFF'FFFF, 8);
  const testing::TempDir folder;
  const auto tensor_of = [&](const std::string& sizes, const std::string& strides) {
    const std::string path = folder / "x.pt";
    testing::write_file(path, archive_of(tensor_pickle(sizes, strides)));
    return torch_format().read(posix_env().open(path)).tensors.at(0);
  };
  const TensorEntry tensor = tensor_of("K\2K\1K\2", "K\1" + most + "K\2");
  EXPECT_EQ(tensor.strides, (Shape{1, 0, 2}));
  EXPECT_EQ(sha256_of(tensor), sha256_of(tensor_of("K\2K\2", "K\1K\2")));
}

// A file of before 1.6 with the tensor 'w', float32 [1], that is negated: in a view of an untyped storage.
std::string negated_view(int first, int viewed, int stored) {
  PickleWriter object;
  object.empty_dict();
  object.mark();
  object.text("w");
  object.global("torch._utils", "_rebuild_tensor_v3");
  object.mark();
  object.mark();
  object.text("storage");
  object.global("torch.storage", "UntypedStorage");
  object.text("0");
  object.text("cpu");
  object.integer(stored);
  object.mark();
  object.text("1");
  object.integer(first);
  object.integer(viewed);
  object.tuple();
  object.tuple();
  object.persistent();
  object.integer(0);
  object.integers(Shape{1});
  object.integers(Shape{1});
  object.boolean(false);
  object.none();
  object.global("torch", "float32");
  object.empty_dict();
  object.mark();
  object.text("neg");
  object.boolean(true);
  object.set_items();
  object.tuple();
  object.call();
  object.set_items();
  PickleWriter protocol, system, keys;
  protocol.integer(1001);
  system.empty_dict();
  keys.empty_list();
  keys.text("0");
  keys.append();
  const std::string magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  const auto size = static_cast<std::size_t>(stored);
  return magic + protocol.finish() + system.finish() + object.finish() + keys.finish() + testing::length_word(size) +
         std::string("0123456789abcdef").substr(0, size);
}

// The view counts bytes, and neither it nor the storage need begin or end where an element does.
TEST(TorchFile, TakesViewsOfUntypedStorages) {
  const testing::TempDir folder;
  const auto element = [&](int first, int viewed, int stored) {
    const std::string path = folder / "x.pt";
    testing::write_file(path, negated_view(first, viewed, stored));
    const TensorEntry tensor = torch_format().read(posix_env().open(path)).tensors.at(0);
    std::string bytes(4, '?');
    tensor.file->read(tensor.offset, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  };
  EXPECT_EQ(element(0, 4, 7), "012\xb3");
  EXPECT_EQ(element(4, 8, 15), "456\xb7");
  const std::string message = message_of([&] { static_cast<void>(element(1, 4, 8)); });
  EXPECT_TRUE(message.ends_with("the view of a storage begins at its byte 1, which is not a multiple of the 4 bytes of "
                                "an element"))
      << message;
}

// Walking through a large dict of flags again for each tensor would take minutes.
TEST(TorchFile, KnowsFewFlagsOfATensor) {
  const auto form_with = [](int flags) {
    std::string metadata = "}(";
    for (int i = 0; i < flags; ++i) metadata += "M" + number_bytes(static_cast<std::uint64_t>(i), 2) + "\x89";
    std::string pickle = tensor_pickle("K\2", "K\1");
    pickle.replace(pickle.size() - 2, 2, metadata + "utR");
    return read(archive_of(pickle)).tensors.at(0).unreadable;
  };
  EXPECT_EQ(form_with(64), "");
  EXPECT_EQ(form_with(65), "with flags that this program does not know, float32");
}

// Neither does a long list of placements cost its length again for each DTensor.
TEST(TorchFile, KnowsFewPlacementsOfADTensor) {
  const auto text = [](const std::string& value) { return "X" + number_bytes(value.size(), 4) + value; };
  const auto form_with = [&](int placements) {
    std::string list = "(ctorch.distributed.tensor\nReplicate\n)Rq\7";
    for (int i = 1; i < placements; ++i) list += "h\7";
    const std::string spec = "ctorch.distributed.tensor\nDTensorSpec\n)R}" + text("placements") + list + "tsb";
    return read(archive_of("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_meta_tensor_no_storage\n"
                           "ctorch.distributed.tensor\nDTensor\n(ctorch\nfloat32\n(K\2t(K\1t\x89t}(" +
                           text("_local_tensor") + tensor_pickle("K\2", "K\1") + text("_spec") + spec + "utR"))
        .tensors.at(0)
        .unreadable;
  };
  EXPECT_EQ(form_with(64), "");
  EXPECT_EQ(form_with(65), "DTensor shard float32");
}

// Meta tensors have no bytes, so the file can promise more elements than a number holds.
TEST(TorchFile, PromisesAnyNumberOfParameters) {
  const std::string most = "\x8a\x08" + number_bytes(0x7FFF'FFFF'FFFF'FFFF, 8);
  const std::string meta = "ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nuint8\n(" + most + "t(K\1t\x89tR";
  const testing::TempDir folder;
  testing::write_file(folder / "x.pt", archive_of("](" + meta + meta + "e"));
  const Checkpoint checkpoint = open_checkpoint(posix_env(), all_formats(), folder / "x.pt");
  EXPECT_EQ(inspect_total(checkpoint, {}), "2 tensors, 9223372036854775807 parameters, 0 B in 1 file (torch)\n");
}

TEST(TorchLayout, IsReadBack) {
  const std::vector<std::string> contents = {"abcdefghijkl", "", std::string(300, 'z')};
  std::vector<StoredTensor> tensors;
  tensors.push_back(stored("w", {DType::F16, {2, 3}}, 0));
  tensors.push_back(stored("w.t", {DType::F16, {3, 2}}, 0, 0, {1, 3}));
  tensors.push_back(stored("part", {DType::F16, {2}}, 0, 4));
  tensors.push_back(stored("empty", {DType::F32, {0, 4}}, 1));
  tensors.push_back(stored("new", {DType::U32, {75}}, 2));
  const std::string bytes = torch_bytes(tensors, contents);
  const FileContents got = read(bytes);
  ASSERT_EQ(got.tensors.size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorEntry& entry = got.tensors[i];
    EXPECT_EQ(entry.name, tensors[i].name);
    EXPECT_EQ(entry.desc, tensors[i].desc);
    EXPECT_EQ(entry.strides, tensors[i].strides);
    const std::string& content = contents[tensors[i].content];
    EXPECT_EQ(bytes.substr(static_cast<std::size_t>(entry.storage->begin), content.size()), content);
    EXPECT_EQ(entry.storage->begin % kZipAlignment, 0);
    EXPECT_EQ(entry.offset, entry.storage->begin + tensors[i].offset * item_size(entry.desc.dtype));
  }
  EXPECT_EQ(got.tensors[0].storage, got.tensors[1].storage);
  EXPECT_NE(got.tensors[0].storage, got.tensors[4].storage);
}

TEST(TorchLayout, RefusesWhatPyTorchHasNot) {
  const std::vector<StoredTensor> tensors(1, stored("w", {DType::F6_E2M3, {4}}, 0));
  EXPECT_EQ(message_of([&] { static_cast<void>(torch_bytes(tensors, {"abc"})); }),
            "a PyTorch file cannot hold 'w', which is F6_E2M3");
}

// A file whose contents are zeros that nobody stores.
class LayoutFile final : public ReadableFile {
 public:
  explicit LayoutFile(FileLayout layout) : layout_(std::move(layout)) { status_.size = layout_.size(); }
  const std::string& path() const override { return path_; }
  const FileStatus& status() const override { return status_; }
  FileStatus current_status() const override { return status_; }
  std::shared_ptr<const FileMap> map() const override { throw Error(ErrorCode::run, "too large"); }
  void read(std::int64_t offset, std::span<std::byte> into) const override {
    std::ranges::fill(into, std::byte{0});
    for (const FileLayout::Piece& piece : layout_.pieces()) {
      const auto* given = std::get_if<FileLayout::Given>(&piece.what);
      const std::int64_t begin = std::max(piece.offset, offset);
      const std::int64_t end = std::min(piece.offset + piece.size, offset + std::ssize(into));
      if (given != nullptr && begin < end)
        std::memcpy(into.data() + (begin - offset), given->bytes.data() + (begin - piece.offset),
                    static_cast<std::size_t>(end - begin));
    }
  }

 private:
  FileLayout layout_;
  std::string path_ = "large.pt";
  FileStatus status_;
};

TEST(TorchLayout, OfMoreThanFourGigabytes) {
  constexpr std::int64_t kLarge = (std::int64_t{5} << 30) / 4;
  std::vector<StoredTensor> tensors;
  tensors.push_back(stored("a", {DType::F32, {kLarge}}, 0));
  tensors.push_back(stored("b", {DType::F32, {3}}, 1));
  const std::vector<std::int64_t> sizes = {kLarge * 4, 12};
  const FileContents got = torch_format().read(std::make_shared<const LayoutFile>(layout_torch({tensors, sizes, {}})));
  ASSERT_EQ(got.tensors.size(), 2u);
  EXPECT_EQ(got.tensors[0].desc.shape, Shape{kLarge});
  EXPECT_GT(got.tensors[1].offset, kLarge * 4);
  EXPECT_EQ(got.tensors[1].offset % kZipAlignment, 0);
}

// Changes to single bytes are refused or harmless: nothing crashes, and nothing outside of the file is read.
TEST(TorchFile, DamagedFilesStayInBounds) {
  int opened = 0, refused = 0;
  const auto open_damaged = [&](const std::string& bytes) {
    const std::string message = message_of([&] {
      const FileContents contents = read(bytes);
      for (const TensorEntry& tensor : contents.tensors) {
        EXPECT_LE(tensor.offset, std::ssize(bytes));
        if (tensor.strides.empty()) static_cast<void>(sha256_of(tensor));
      }
      ++opened;
    });
    EXPECT_FALSE(message.starts_with("wrong code")) << message;
    EXPECT_EQ(message.find("read beyond"), std::string::npos) << message;
    refused += message.empty() ? 0 : 1;
  };
  for (const auto& specimen : std::filesystem::directory_iterator(BS_TEST_DATA "/corpus/torch")) {
    const std::string name = specimen.path().filename().string();
    if (name > "035" && !name.starts_with("122") && !name.starts_with("123")) continue;
    const std::string bytes = testing::read_file(specimen.path());
    if (bytes.size() > 1600) continue;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      open_damaged(bytes.substr(0, i));
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << i % 8));
      open_damaged(flipped);
    }
  }
  EXPECT_GT(opened, 500);
  EXPECT_GT(refused, 500);
}

TEST(AdaptedFile, SwapsFromAnyOffset) {
  const auto file = testing::file_of("xx01234567ABCDEFGH");
  const auto swapped = byte_swapped(file, 2, 16, 4);
  const std::string expected = "32107654DCBAHGFE";
  for (std::size_t begin = 0; begin <= 16; ++begin) {
    for (std::size_t size = 0; begin + size <= 16; ++size) {
      std::string got(size, '?');
      swapped->read(static_cast<std::int64_t>(begin), std::as_writable_bytes(std::span(got)));
      EXPECT_EQ(got, expected.substr(begin, size));
    }
  }
}

// Deflated data that hold their content as it is.
std::string stored_blocks(const std::string& content) {
  std::string bytes;
  for (std::size_t at = 0; at < content.size(); at += 0xFFFF) {
    const std::string part = content.substr(at, 0xFFFF);
    bytes += at + part.size() == content.size() ? '\1' : '\0';
    bytes += number_bytes(part.size(), 2) + number_bytes(~part.size(), 2) + part;
  }
  return bytes;
}

TEST(AdaptedFile, InflatesFromAnyOffset) {
  std::mt19937 engine(1);
  std::string content(40 << 20, '\0');  // of several states
  for (std::size_t i = 0; i < content.size(); i += 16) content[i] = static_cast<char>(engine());
  const std::string deflated = stored_blocks(content);
  const auto open = [&](const std::string& bytes, std::size_t size) {
    return inflated(testing::file_of("xx" + bytes + "yy"), 2, std::ssize(bytes), static_cast<std::int64_t>(size), "x");
  };
  const auto file = open(deflated, content.size());
  const auto read_at = [](const ReadableFile& from, std::size_t begin, std::size_t size) {
    std::string got(size, '?');
    from.read(static_cast<std::int64_t>(begin), std::as_writable_bytes(std::span(got)));
    return got;
  };
  EXPECT_EQ(read_at(*file, 0, content.size()), content);
  for (int round = 0; round < 60; ++round) {
    const std::size_t begin = engine() % content.size();
    const std::size_t size = std::min<std::size_t>(engine() % (1 << 20), content.size() - begin);
    EXPECT_EQ(read_at(*file, begin, size), content.substr(begin, size)) << begin;
  }
  const std::string promise = "x: its deflated data do not give the 1000 bytes promised";
  const std::string right = stored_blocks(content.substr(0, 1000));
  EXPECT_EQ(read_at(*open(right, 1000), 0, 1000), content.substr(0, 1000));
  for (const std::string& wrong : {stored_blocks(content.substr(0, 999)), stored_blocks(content.substr(0, 1001)),
                                   right + "z", right.substr(0, 500), std::string(600, '\7'), std::string()}) {
    const auto damaged = open(wrong, 1000);
    for (int twice = 0; twice < 2; ++twice) EXPECT_EQ(message_of([&] { read_at(*damaged, 0, 1000); }), promise);
  }
}

// A tensor cut along every dimension, read in pieces from anywhere.
TEST(AdaptedFile, AssemblesBoxes) {
  std::mt19937 engine(1);
  for (int round = 0; round < 300; ++round) {
    const auto draw = [&](int bound) { return static_cast<std::int64_t>(engine() % static_cast<unsigned>(bound)); };
    Shape shape;
    for (std::int64_t i = draw(4); i > 0; --i) shape.push_back(1 + draw(5));
    std::string whole(static_cast<std::size_t>(element_count(shape) * 2), '\0');
    for (char& byte : whole) byte = static_cast<char>(engine());
    std::vector<Shape> cuts;  // per dimension: where parts begin, and the end
    for (const std::int64_t size : shape) {
      Shape cut{0};
      for (std::int64_t at = 1; at < size; ++at) {
        if (draw(2) == 0) cut.push_back(at);
      }
      cut.push_back(size);
      cuts.push_back(cut);
    }
    std::vector<TensorBox> boxes(1);
    for (std::size_t dim = 0; dim < shape.size(); ++dim) {
      std::vector<TensorBox> finer;
      for (const TensorBox& box : boxes) {
        for (std::size_t i = 0; i + 1 < cuts[dim].size(); ++i) {
          finer.push_back(box);
          finer.back().starts.push_back(cuts[dim][i]);
          finer.back().sizes.push_back(cuts[dim][i + 1] - cuts[dim][i]);
        }
      }
      boxes = std::move(finer);
    }
    const std::vector<std::int64_t> strides = row_major_strides(shape);
    for (TensorBox& box : boxes) {
      std::string content = "head";
      for (std::int64_t i = 0; i < element_count(box.sizes); ++i) {
        std::int64_t rest = i, place = 0;
        for (std::size_t dim = shape.size(); dim-- > 0;) {
          place += (box.starts[dim] + rest % box.sizes[dim]) * strides[dim];
          rest /= box.sizes[dim];
        }
        content += whole.substr(static_cast<std::size_t>(place * 2), 2);
      }
      box.file = testing::file_of(content);
      box.offset = 4;
    }
    const auto file = assembled(boxes, shape, 2);
    const std::size_t begin = static_cast<std::size_t>(draw(static_cast<int>(whole.size() + 1)));
    std::string got(static_cast<std::size_t>(draw(static_cast<int>(whole.size() - begin + 1))), '?');
    file->read(static_cast<std::int64_t>(begin), std::as_writable_bytes(std::span(got)));
    EXPECT_EQ(got, whole.substr(begin, got.size())) << "round " << round;
  }
}

}  // namespace
}  // namespace brainsurgery
