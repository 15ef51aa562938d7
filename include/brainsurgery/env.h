// The file system as the core sees it. The program uses posix_env(); tests wrap it to make single calls fail.
//
//   auto file = env.open("a.safetensors");
//   file->read(0, buffer);                     // exactly buffer.size() bytes, or an Error
//   auto map = file->map();                    // read-only; a file that shrinks afterwards does not crash us
//
// Every function throws Error(run) with the path and the system's reason. All of Env and ReadableFile, and
// WritableFile::write, may be called from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

struct FileStatus {
  enum class Kind : std::uint8_t { regular, directory, link, other };
  Kind kind = Kind::regular;
  std::int64_t size = 0;  // bytes
  std::uint64_t device = 0, inode = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint32_t mode = 0;  // permission bits
  std::uint64_t links = 1;

  // Same file with the same content, as far as the file system can tell.
  [[nodiscard]] bool same_content(const FileStatus& other) const {
    return device == other.device && inode == other.inode && size == other.size && mtime_ns == other.mtime_ns &&
           ctime_ns == other.ctime_ns;
  }
};

// A read-only mapping. Unmapped when the last handle goes.
class FileMap {
 public:
  virtual ~FileMap() = default;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const = 0;
  // Gives the pages of [offset, offset + size) back to the system; they are read again when touched.
  virtual void release(std::int64_t offset, std::int64_t size) const = 0;
  // True when a page could not be read (the file was truncated): what was read there were zeros.
  [[nodiscard]] virtual bool damaged() const = 0;
};

// How the bytes of a file can be had.
enum class FileAccess : std::uint8_t {
  mapped,      // they stand there
  ranges,      // they are made or collected while they are read; any range costs about its length; map() fails
  sequential,  // the same, but what stands before a range may have to be made first
};

struct BlockCode;

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual const FileStatus& status() const = 0;  // when it was opened
  // Fills `into` with the bytes from `offset` on; a file that ends before is an Error.
  virtual void read(std::int64_t offset, std::span<std::byte> into) const = 0;
  [[nodiscard]] virtual std::shared_ptr<const FileMap> map() const = 0;
  [[nodiscard]] virtual FileAccess access() const { return FileAccess::mapped; }
  // Whether the bytes are made from others; else some file has them.
  [[nodiscard]] virtual bool decodes() const { return false; }
  // Where they are made from blocks, else nullptr.
  [[nodiscard]] virtual const BlockCode* blocks() const { return nullptr; }
  // The status now, of the open file.
  [[nodiscard]] virtual FileStatus current_status() const = 0;
  // The system's descriptor of the file that has these bytes at these places; nullopt where they are decoded.
  [[nodiscard]] virtual std::optional<int> descriptor() const { return std::nullopt; }
};

// The blocks from which a file makes its bytes, one after another: a few bits an element, with scales of their own.
struct BlockCode {
  std::string_view type;  // the format's name for it, "Q4_K"
  std::shared_ptr<const ReadableFile> file;
  std::int64_t offset = 0;         // bytes, of the first block in `file`
  std::int64_t block_bytes = 0;    // of a block,
  std::int64_t decoded_bytes = 0;  // and of what it gives
  std::string unreadable;          // why it cannot be decoded; empty: it can
};

// File systems share whole blocks of this many bytes, from and to a multiple of it; those with larger ones refuse.
inline constexpr std::int64_t kSharedBlockBytes = 4096;

class WritableFile {
 public:
  virtual ~WritableFile() = default;
  [[nodiscard]] virtual const std::string& path() const = 0;
  // Sets the length; what is new reads as zeros.
  virtual void resize(std::int64_t size) = 0;
  // Reserves disk space for [offset, offset + size), within the length, where the file system can.
  virtual void reserve(std::int64_t offset, std::int64_t size) = 0;
  // Has the file system use the disk blocks of another file for a range of this one, which then holds its bytes. False
  // where that cannot be done; what the range then holds is not defined.
  [[nodiscard]] virtual bool share(std::int64_t offset, const ReadableFile& from, std::int64_t from_offset,
                                   std::int64_t size) = 0;
  virtual void write(std::int64_t offset, std::span<const std::byte> bytes) = 0;
  virtual void set_mode(std::uint32_t mode) = 0;
  // Starts writing dirty pages of the range to the disk without waiting for it.
  virtual void start_writeback(std::int64_t offset, std::int64_t size) = 0;
  virtual void sync() = 0;
  virtual void close() = 0;  // reports errors; the destructor closes silently
};

// An advisory lock on a file or directory, held until destruction.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Env {
 public:
  virtual ~Env() = default;

  // Regular files only, links followed; directories, FIFOs and devices are an Error.
  [[nodiscard]] virtual std::unique_ptr<ReadableFile> open(const std::string& path) = 0;
  // A whole file as text, at most `max_bytes`. Below /dev/ ("/dev/stdin", a shell's "/dev/fd/63") it may be a pipe.
  [[nodiscard]] virtual std::string read_text(const std::string& path, std::int64_t max_bytes) = 0;
  // A new file; an existing one is an Error. Mode 0666 less the umask.
  [[nodiscard]] virtual std::unique_ptr<WritableFile> create(const std::string& path) = 0;

  // nullopt when there is nothing of that name. `follow`: of what a link points to.
  [[nodiscard]] virtual std::optional<FileStatus> status(const std::string& path, bool follow = true) = 0;
  [[nodiscard]] virtual std::vector<std::string> list(const std::string& directory) = 0;  // names, sorted
  [[nodiscard]] virtual std::string real_path(const std::string& path) = 0;
  [[nodiscard]] virtual std::int64_t free_bytes(const std::string& directory) = 0;

  virtual void make_directory(const std::string& path) = 0;    // parents must exist
  virtual void make_directories(const std::string& path) = 0;  // with parents; existing ones are fine
  virtual void rename(const std::string& from, const std::string& to) = 0;
  // Swaps two names atomically; false where the file system cannot.
  [[nodiscard]] virtual bool exchange(const std::string& a, const std::string& b) = 0;
  virtual void hard_link(const std::string& from, const std::string& to) = 0;  // links themselves, not their targets
  virtual void remove(const std::string& path) = 0;                            // a file, link or empty directory
  virtual void copy_attributes(const std::string& from, const std::string& to) = 0;  // mode, owner, extended attributes
  virtual void sync_directory(const std::string& path) = 0;
  // nullptr when another process holds it, and on a file system without locks.
  [[nodiscard]] virtual std::unique_ptr<FileLock> try_lock(const std::string& path) = 0;
};

// The real file system. One per process; installs the handler that turns a SIGBUS inside a FileMap into damaged().
[[nodiscard]] Env& posix_env();

// The real file system below a folder, for those who let others choose paths. Relative paths start at the root, and
// absolute ones, as real_path() gives them, must begin with it. Every function throws Error(run) for a path that leads
// outside, by "..", from the beginning or through links, also where somebody renames folders or swaps links for files
// meanwhile: a path is walked from one open folder to the next. Hard links in the root to files outside of it are not
// noticed. `root` must be a folder; throws Error(run).
[[nodiscard]] std::unique_ptr<Env> rooted_env(const std::string& root);

}  // namespace brainsurgery
