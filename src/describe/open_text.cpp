#include "describe/open_text.h"

#include <algorithm>

#include "base/text.h"

namespace brainsurgery {
namespace {

using Place = OpenText::Place;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// A mapping or list that is open. Block style is delimited by its indent, OLY by the end of the line, flow by brackets.
struct Frame {
  enum class Style { block, line, flow } style = Style::block;
  bool is_list = false;
  std::size_t indent = 0;  // of Style::block
  std::string key = {};
  std::vector<std::string> keys = {};
  bool has_value = false;  // of the key, or the entry of the list
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  OpenText scan() {
    while (at_ < text_.size()) {
      if (is_inline()) {
        scan_inline();
      } else {
        scan_block_line();
      }
    }
    finish();
    return std::move(open_);
  }

 private:
  [[nodiscard]] bool is_inline() const { return !frames_.empty() && frames_.back().style != Frame::Style::block; }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\n' : text_[at_]; }
  void skip_blanks() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }

  // The end of the text is within a word, or at a place where one may begin.
  void settle(Place place, std::size_t begin, char quote = 0) {
    open_.place = place;
    open_.begin = begin;
    open_.quote = quote;
    open_.word = std::string(text_.substr(begin));
    at_ = text_.size();
    settled_ = true;
  }

  void scan_block_line() {
    std::size_t indent = 0;
    while (!at_end() && peek() == ' ') ++at_, ++indent;
    if (!at_end() && peek() == '\n') {
      ++at_;
      return;
    }
    if (peek() == '#') return skip_line();
    leave_deeper(indent, !at_end() && peek() == '-');
    while (at_ + 1 < text_.size() && peek() == '-' && (is_blank(text_[at_ + 1]) || text_[at_ + 1] == '\n')) {
      begin_entry(indent);
      const std::size_t dash = at_++;
      skip_blanks();
      indent += at_ - dash;
    }
    scan_block_node(indent);
  }

  // Block collections that a line of this indent ends. A list may stand below its key without being indented.
  void leave_deeper(std::size_t indent, bool is_entry) {
    while (!frames_.empty()) {
      const Frame& top = frames_.back();
      const bool ends_list = top.is_list && top.indent == indent && !is_entry;
      if (top.indent <= indent && !ends_list) return;
      frames_.pop_back();
    }
  }

  void begin_entry(std::size_t indent) {
    leave_deeper(indent, true);
    if (frames_.empty() || !frames_.back().is_list) frames_.push_back({Frame::Style::block, true, indent});
    frames_.back().has_value = false;
  }

  void scan_block_node(std::size_t indent) {
    const bool continues = !frames_.empty() && !frames_.back().is_list && frames_.back().indent == indent;
    const std::size_t begin = at_;
    if (at_end()) return settle(continues ? Place::key : Place::node, begin);
    if (begin_flow()) return;
    const std::size_t colon = find_colon(begin, "\n");
    if (colon == std::string_view::npos) {
      scan_scalar(continues ? Place::key : Place::node, "\n");
      return;
    }
    if (!continues) frames_.push_back({Frame::Style::block, false, indent});
    begin_key(begin, colon);
    scan_block_value();
  }

  // Behind the colon of a key in block style.
  void scan_block_value() {
    const std::size_t colon_end = at_;
    skip_blanks();
    const bool first_line = text_.substr(0, at_).find('\n') == std::string_view::npos && frames_.size() == 1;
    if (at_end()) {
      open_.needs_blank = at_ == colon_end;
      open_.takes_oly = first_line;
      return settle(Place::value, at_);
    }
    if (peek() == '\n' || begin_flow()) return;
    if (find_colon(at_, "\n,") != std::string_view::npos) {
      frames_.push_back({Frame::Style::line});
      return;
    }
    open_.takes_oly = first_line;
    scan_scalar(Place::value, "\n");
  }

  void scan_inline() {
    Frame& top = frames_.back();
    skip_blanks();
    if (at_end()) return settle_inline();
    const char c = peek();
    if (c == '\n') {
      if (top.style == Frame::Style::line) end_frame();
      if (!at_end()) ++at_;
    } else if (c == ',') {
      ++at_;
      top.key.clear();
      top.has_value = false;
    } else if (c == '}' || c == ']') {
      ++at_;
      if (top.style == Frame::Style::line) end_frame();
      end_frame();
    } else if (begin_flow()) {
    } else if (!top.is_list && top.key.empty()) {
      scan_inline_key();
    } else {
      scan_scalar(Place::value, ",]}\n");
    }
  }

  void settle_inline() {
    const Frame& top = frames_.back();
    if (top.has_value) return settle(Place::after, at_);
    if (top.is_list) return settle(Place::node, at_);
    if (top.key.empty()) return settle(Place::key, at_);
    open_.needs_blank = at_ > 0 && text_[at_ - 1] == ':';
    settle(Place::value, at_);
  }

  void scan_inline_key() {
    const std::size_t begin = at_;
    const std::size_t colon = find_colon(begin, ",}]\n");
    if (colon == std::string_view::npos) {
      scan_scalar(Place::key, ",}]\n");
    } else {
      begin_key(begin, colon);
    }
  }

  void begin_key(std::size_t begin, std::size_t colon) {
    std::string_view key = trim(text_.substr(begin, colon - begin));
    if (key.size() >= 2 && (key.front() == '"' || key.front() == '\'') && key.back() == key.front())
      key = key.substr(1, key.size() - 2);
    frames_.back().key = std::string(key);
    frames_.back().keys.emplace_back(key);
    frames_.back().has_value = false;
    at_ = colon + 1;
  }

  bool begin_flow() {
    if (peek() != '{' && peek() != '[') return false;
    frames_.push_back({Frame::Style::flow, peek() == '['});
    ++at_;
    return true;
  }

  void end_frame() {
    if (!frames_.empty()) frames_.pop_back();
    if (!frames_.empty()) frames_.back().has_value = true;
  }

  // A colon that ends a key: before a blank or the end of the line, and before any of `enders` outside of quotes.
  [[nodiscard]] std::size_t find_colon(std::size_t from, std::string_view enders) const {
    char quote = 0;
    for (std::size_t i = from; i < text_.size(); ++i) {
      const char c = text_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if ((c == '"' || c == '\'') && i == from) {
        quote = c;
      } else if (c == ':' && (i + 1 == text_.size() || is_blank(text_[i + 1]) || text_[i + 1] == '\n')) {
        return i;
      } else if (enders.find(c) != std::string_view::npos || c == '{' || c == '[') {
        break;
      }
    }
    return std::string_view::npos;
  }

  // A scalar up to one of `enders` outside of the brackets that it opens itself.
  void scan_scalar(Place place, std::string_view enders) {
    if (peek() == '"' || peek() == '\'') return scan_quoted(place);
    const std::size_t begin = at_;
    int depth = 0;
    for (; !at_end(); ++at_) {
      const char c = text_[at_];
      if (c == '\n' || (depth == 0 && enders.find(c) != std::string_view::npos)) break;
      if (c == '[' || c == '(' || c == '{') ++depth;
      if ((c == ']' || c == ')' || c == '}') && depth > 0) --depth;
    }
    if (at_end()) {
      const bool ended = place == Place::value && is_inline() && is_blank(text_.back());
      return ended ? settle(Place::after, at_) : settle(place, begin);
    }
    if (!frames_.empty()) frames_.back().has_value = true;
  }

  void scan_quoted(Place place) {
    const char quote = text_[at_];
    const std::size_t begin = at_ + 1;
    const std::size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) return settle(place, begin, quote);
    at_ = end + 1;
    if (!frames_.empty()) frames_.back().has_value = true;
    if (at_end()) settle(Place::after, at_);
  }

  void skip_line() {
    at_ = std::min(text_.find('\n', at_), text_.size());
  }

  void finish() {
    if (!settled_) {
      if (is_inline()) {
        settle_inline();
      } else {
        finish_block();
      }
    }
    for (Frame& frame : frames_) {
      open_.levels.push_back({frame.is_list, frame.style != Frame::Style::block, frame.style == Frame::Style::flow,
                              std::move(frame.key), std::move(frame.keys)});
    }
    // The mapping that a further key belongs to has none at hand.
    if (open_.place == Place::key && !open_.levels.empty()) open_.levels.back().key.clear();
  }

  // The text ended with a line: the next one is empty so far.
  void finish_block() {
    leave_deeper(0, false);
    settle(frames_.empty() ? Place::node : Place::key, text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
  OpenText open_;
  bool settled_ = false;
};

}  // namespace

OpenText scan_open_text(std::string_view text) { return Scanner(text).scan(); }

}  // namespace brainsurgery
