// Deflated data can only be read from their beginning. What is read is cut into pieces; the pieces read last are kept,
// so that several threads that go through a file together find what another one has passed already, and the state of
// the decoder is kept every so often, so that going back costs little. Memory: 4 MiB while a file is read, and
// less than 1% of what was passed for the states.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "brainsurgery/error.h"
#include "formats/adapted_file.h"

namespace brainsurgery {

namespace {

constexpr std::int64_t kInflatedPiece = 256 << 10;  // bytes of content
constexpr std::int64_t kStatesApart = 64;   // pieces
constexpr std::size_t kPiecesKept = 16;

struct Stretch {
  std::shared_ptr<const ReadableFile> file;
  std::int64_t begin = 0, deflated_size = 0, size = 0;  // bytes
  std::string context;
};

// A decoder somewhere in the data.
class Decoder {
 public:
  explicit Decoder(const Stretch& stretch) : stretch_(stretch) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) fail("no memory to inflate it");
  }
  // Stands where the other one does.
  Decoder(const Decoder& other) : stretch_(other.stretch_), taken_(other.consumed()), given_(other.given_) {
    if (inflateCopy(&stream_, const_cast<z_stream*>(&other.stream_)) != Z_OK) fail("no memory to inflate it");
    stream_.avail_in = 0;
  }
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { inflateEnd(&stream_); }

  [[nodiscard]] std::int64_t given() const { return given_; }  // bytes of content

  void read(std::span<std::byte> into) {
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(into.size());
    while (stream_.avail_out > 0) {
      if (step() == Z_STREAM_END && stream_.avail_out > 0) fail_promise();
    }
    given_ += std::ssize(into);
    if (given_ == stretch_.size) check_end();
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::run, stretch_.context + ": " + reason);
  }
  [[noreturn]] void fail_promise() const {
    fail("its deflated data do not give the " + std::to_string(stretch_.size) + " bytes promised");
  }
  [[nodiscard]] std::int64_t consumed() const { return taken_ - stream_.avail_in; }

  int step() {
    if (stream_.avail_in == 0) {
      const auto count = static_cast<std::size_t>(std::min(stretch_.deflated_size - taken_, std::ssize(buffer_)));
      stretch_.file->read(stretch_.begin + taken_, std::span(buffer_).first(count));
      taken_ += static_cast<std::int64_t>(count);
      stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_in = static_cast<uInt>(count);
    }
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) fail_promise();
    return status;
  }

  // Nothing more may come, and all of the data have been used.
  void check_end() {
    Bytef beyond = 0;
    stream_.next_out = &beyond;
    stream_.avail_out = 1;
    while (stream_.avail_out > 0) {
      if (step() == Z_STREAM_END) break;
    }
    if (stream_.avail_out == 0 || consumed() != stretch_.deflated_size) fail_promise();
  }

  const Stretch& stretch_;
  z_stream stream_{};
  std::int64_t taken_ = 0;  // bytes of data, in the stream's buffer or used
  std::int64_t given_ = 0;
  std::array<std::byte, 64 << 10> buffer_{};
};

class InflatedFile final : public AdaptedFile {
 public:
  explicit InflatedFile(Stretch stretch) : AdaptedFile(stretch.file, stretch.size), stretch_(std::move(stretch)) {}

  FileAccess access() const override { return FileAccess::sequential; }

  void read(std::int64_t offset, std::span<std::byte> into) const override {
    require_inside(offset, into.size());
    const MutexLock lock(mutex_);
    while (!into.empty()) {
      const std::vector<std::byte>& whole = piece(offset / kInflatedPiece);
      const auto from = static_cast<std::size_t>(offset % kInflatedPiece);
      const std::size_t count = std::min(into.size(), whole.size() - from);
      std::memcpy(into.data(), whole.data() + from, count);
      into = into.subspan(count);
      offset += static_cast<std::int64_t>(count);
    }
    if (offset == size_) {  // most likely nobody comes back
      kept_.clear();
      decoder_.reset();
    }
  }

 private:
  struct Piece {
    std::int64_t number;
    std::vector<std::byte> bytes;
  };

  const std::vector<std::byte>& piece(std::int64_t number) const BS_REQUIRES(mutex_) {
    const auto known = std::ranges::find(kept_, number, &Piece::number);
    if (known != kept_.end()) return known->bytes;
    if (!decoder_ || decoder_->given() > number * kInflatedPiece) go_back_before(number);
    try {
      while (decoder_->given() <= number * kInflatedPiece) read_piece();
    } catch (const Error&) {
      decoder_.reset();  // where it stands is nobody's business any more
      throw;
    }
    return kept_.back().bytes;
  }

  void go_back_before(std::int64_t number) const BS_REQUIRES(mutex_) {
    const auto after = states_.upper_bound(number);
    decoder_ = after == states_.begin() ? std::make_unique<Decoder>(stretch_)
                                        : std::make_unique<Decoder>(*std::prev(after)->second);
  }

  void read_piece() const BS_REQUIRES(mutex_) {
    const std::int64_t number = decoder_->given() / kInflatedPiece;
    if (number > 0 && number % kStatesApart == 0 && !states_.contains(number))
      states_.emplace(number, std::make_unique<Decoder>(*decoder_));
    Piece next{number, std::vector<std::byte>(static_cast<std::size_t>(std::min(kInflatedPiece, size_ - number * kInflatedPiece)))};
    decoder_->read(next.bytes);
    if (kept_.size() == kPiecesKept) kept_.pop_front();
    kept_.push_back(std::move(next));
  }

  Stretch stretch_;
  mutable Mutex mutex_;
  mutable std::unique_ptr<Decoder> decoder_ BS_GUARDED_BY(mutex_);
  mutable std::deque<Piece> kept_ BS_GUARDED_BY(mutex_);                                   // in the order of reading
  mutable std::map<std::int64_t, std::unique_ptr<Decoder>> states_ BS_GUARDED_BY(mutex_);  // by the piece they begin
};

}  // namespace

std::shared_ptr<const ReadableFile> inflated(std::shared_ptr<const ReadableFile> file, std::int64_t begin,
                                             std::int64_t deflated_size, std::int64_t size, std::string context) {
  return std::make_shared<const InflatedFile>(Stretch{std::move(file), begin, deflated_size, size, std::move(context)});
}

}  // namespace brainsurgery
