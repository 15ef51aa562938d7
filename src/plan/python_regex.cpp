// One recursive-descent parser in one class: it is a little longer than other files because every rule of the syntax
// is stated once and in one place.
#include "plan/python_regex.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/ascii.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "plan/regex_pieces.h"

namespace brainsurgery {
namespace {

constexpr int kMaxGroupNesting = 200;  // PCRE2 refuses more than 250 parentheses
constexpr int kMaxRe2Repeat = 1000;
constexpr int kMaxPcre2Repeat = 65535;

// What the last item of a sequence is, as far as a repeat after it cares.
enum class Item { none, position, repeat, other };

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  PythonRegex run() {
    if (!is_valid_utf8(pattern_)) throw Error(ErrorCode::plan, "the pattern is not valid UTF-8");
    Piece all = alternatives(0);
    if (!at_end()) fail("unbalanced parenthesis", position_);
    for (const auto& [group, where] : conditions_) {
      if (group >= next_group_) fail(fmt::format("invalid group reference {}", group), where);
    }
    if (flags_.ignore_case) all.wrap("(?i:");
    result_.re2 = std::move(all.re2);
    result_.pcre2 = std::move(all.pcre2);
    result_.group_count = next_group_ - 1;
    result_.needs_backtracking |= nullable_repeat_ && result_.group_count > 0;
    result_.head = std::move(all.head);
    result_.head_is_all = all.exact && all.pure && result_.group_count == 0;
    if (!result_.needs_backtracking) result_.gap = std::move(all.gap);
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(std::string_view message, std::size_t where) const {
    auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    std::string_view before = pattern_.substr(0, where);
    auto characters = std::count_if(before.begin(), before.end(), starts_character);
    throw Error(ErrorCode::plan, fmt::format("{} at position {}", message, characters));
  }

  [[nodiscard]] bool at_end() const { return position_ == pattern_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : pattern_[position_]; }
  bool take(char c) {
    if (at_end() || pattern_[position_] != c) return false;
    ++position_;
    return true;
  }
  char32_t take_character() {
    CodePoint point = decode_utf8(pattern_.substr(position_));
    position_ += static_cast<std::size_t>(point.length);
    return point.value;
  }
  std::string_view take_digits(std::size_t limit, bool (*accept)(char)) {
    std::size_t start = position_;
    while (!at_end() && position_ - start < limit && accept(peek())) ++position_;
    return pattern_.substr(start, position_ - start);
  }
  std::string take_name(char end) {
    std::size_t start = position_;
    std::size_t close = pattern_.find(end, position_);
    if (position_ == pattern_.size()) fail("missing group name", start);
    if (close == std::string_view::npos) fail(fmt::format("missing {}, unterminated name", end), start);
    if (close == start) fail("missing group name", start);
    position_ = close + 1;
    return std::string(pattern_.substr(start, close - start));
  }
  static bool is_identifier(std::string_view name) {
    auto inner = [](char c) {
      return is_letter(c) || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
    };
    return !name.empty() && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), inner);
  }

  Piece alternatives(int depth) {
    Piece all = sequence(depth, depth == 0);
    while (take('|')) all.add_branch(sequence(depth, false));
    return all;
  }

  // Items up to '|', ')' or the end. `first`: global flags may stand at its start.
  Piece sequence(int depth, bool first) {
    if (depth > kMaxGroupNesting) fail("groups are nested too deeply", position_);
    Piece done;
    Piece last;
    Item kind = Item::none;
    auto push = [&](Piece piece, Item item) {
      done.append(std::move(last));
      last = std::move(piece);
      kind = item;
    };
    while (!at_end() && peek() != '|' && peek() != ')') {
      std::size_t here = position_;
      char c = peek();
      if (flags_.verbose && skip_verbose()) continue;
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        std::optional<std::pair<std::int64_t, std::int64_t>> counts = take_counts();
        if (!counts) {
          push(character(U'{'), Item::other);
          continue;
        }
        if (kind == Item::none || kind == Item::position) fail("nothing to repeat", here);
        if (kind == Item::repeat) fail("multiple repeat", here);
        last = repeated(std::move(last), counts->first, counts->second);
        kind = Item::repeat;
      } else if (c == '^' || c == '$') {
        ++position_;
        push(c == '^' ? line_start(flags_) : line_end(flags_), Item::position);
      } else if (c == '\\') {
        bool at_position = std::string_view("AbBZ").find(second()) != std::string_view::npos && second() != '\0';
        push(escape(), at_position ? Item::position : Item::other);
      } else if (c == '(') {
        std::optional<Piece> piece = parenthesis(depth, first && kind == Item::none);
        if (piece) push(std::move(*piece), Item::other);
      } else if (c == '[') {
        push(character_set(), Item::other);
      } else if (c == '.') {
        ++position_;
        push(any_character(flags_), Item::other);
      } else {
        push(character(take_character()), Item::other);
      }
    }
    done.append(std::move(last));
    return done;
  }

  [[nodiscard]] char second() const { return position_ + 1 < pattern_.size() ? pattern_[position_ + 1] : '\0'; }

  bool skip_verbose() {
    if (std::string_view(" \t\n\r\v\f").find(peek()) != std::string_view::npos) {
      ++position_;
      return true;
    }
    if (peek() != '#') return false;
    std::size_t end = pattern_.find('\n', position_);
    position_ = end == std::string_view::npos ? pattern_.size() : end + 1;
    return true;
  }

  // The counts of a repeat, or nothing where '{' is a character; then only the '{' is taken.
  std::optional<std::pair<std::int64_t, std::int64_t>> take_counts() {
    if (take('?')) return std::pair<std::int64_t, std::int64_t>(0, 1);
    if (take('*')) return std::pair<std::int64_t, std::int64_t>(0, kMany);
    if (take('+')) return std::pair<std::int64_t, std::int64_t>(1, kMany);
    std::size_t here = position_++;
    std::size_t behind_brace = position_;
    if (peek() == '}') return std::nullopt;
    std::string_view low = take_digits(pattern_.size(), is_digit);
    std::string_view high = low;
    if (take(',')) high = take_digits(pattern_.size(), is_digit);
    if (!take('}')) {
      position_ = behind_brace;
      return std::nullopt;
    }
    auto number = [&](std::string_view digits) {
      std::int64_t value = 0;
      for (char c : digits) value = std::min<std::int64_t>(value * 10 + (c - '0'), kMaxPcre2Repeat + 1);
      if (value > kMaxPcre2Repeat) fail("the repetition number is too large", here);
      return value;
    };
    std::int64_t least = low.empty() ? 0 : number(low);
    std::int64_t most = high.empty() ? kMany : number(high);
    if (most < least) fail("min repeat greater than max repeat", here);
    return std::pair(least, most);
  }

  Piece repeated(Piece item, std::int64_t least, std::int64_t most) {
    char style = peek() == '?' || peek() == '+' ? peek() : '\0';
    if (style != '\0') ++position_;
    if (style == '+') result_.needs_backtracking = true;
    if (item.shortest == 0 && most > 1) nullable_repeat_ = true;
    // After an empty round Python stops and PCRE2, which unrolls counts, goes on: other captures.
    if (item.shortest == 0 && item.groups > 0 && most > 1 && most != kMany && most != least) {
      fail("a group that can match nothing is repeated by a count; use * or +", position_);
    }
    const std::int64_t copies = most == kMany ? least : most;
    result_.counts |= copies > 1;
    if (copies > kMaxRe2Repeat) result_.needs_backtracking = true;
    return repeat(std::move(item), least, most, style);
  }

  [[nodiscard]] Piece character(char32_t c) {
    if (c >= 0xd800 && c < 0xe000) fail("surrogates do not occur in names", position_);
    if (flags_.ignore_case && c >= 0x80) result_.needs_backtracking = true;
    return literal_piece(c, flags_);
  }

  // The character that an escape stands for inside and outside of brackets alike, without \0.. and \1..; the backslash
  // and the letter have been taken.
  char32_t escaped_character(char c, std::size_t here) {
    constexpr std::string_view kLetters = "abfnrtv";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v";
    std::size_t hex_digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (hex_digits != 0) {
      auto is_hex = [](char d) { return is_digit(d) || ((d | 0x20) >= 'a' && (d | 0x20) <= 'f'); };
      std::string_view digits = take_digits(hex_digits, is_hex);
      if (digits.size() != hex_digits) fail(fmt::format("incomplete escape \\{}{}", c, digits), here);
      unsigned long value = std::stoul(std::string(digits), nullptr, 16);
      if (value > 0x10ffff) fail(fmt::format("bad escape \\{}{}", c, digits), here);
      return static_cast<char32_t>(value);
    }
    std::size_t index = kLetters.find(c);
    if (index != std::string_view::npos) return static_cast<unsigned char>(kValues[index]);
    if (c == 'N') fail("escapes of the kind \\N{...} are not supported; write the character itself", here);
    if (is_letter(c)) fail(fmt::format("bad escape \\{}", c), here);
    --position_;
    return take_character();
  }

  Piece escape() {
    std::size_t here = position_++;
    if (at_end()) fail("bad escape (end of pattern)", here);
    char c = pattern_[position_++];
    switch (c) {
      case 'A':
        return assertion("\\A", "\\A");
      case 'Z':
        return assertion("\\z", "\\z");
      case 'b':
      case 'B':
        return word_boundary(c == 'b', flags_);
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 's':
      case 'S':
        return one_character(std::string("\\") + c, "[" + character_category(c, flags_) + "]");
      case '0':
        return character(octal(std::string("0").append(take_digits(2, is_octal_digit)), here));
      default:
        break;
    }
    if (!is_digit(c)) return character(escaped_character(c, here));
    std::string digits(1, c);
    if (is_digit(peek())) digits += pattern_[position_++];
    if (digits.size() == 2 && is_octal_digit(digits[0]) && is_octal_digit(digits[1]) && is_octal_digit(peek())) {
      digits += pattern_[position_++];
      return character(octal(digits, here));
    }
    int group = std::stoi(digits);
    if (group >= next_group_) fail(fmt::format("invalid group reference {}", group), here + 1);
    return back_reference(group, here);
  }

  char32_t octal(const std::string& digits, std::size_t here) const {
    unsigned long value = std::stoul(digits, nullptr, 8);
    if (value > 0377) fail(fmt::format("octal escape value \\{} outside of range 0-0o377", digits), here);
    return static_cast<char32_t>(value);
  }

  Piece back_reference(int group, std::size_t here) {
    refuse_behind(group, here);
    const GroupWidth& width = groups_[static_cast<std::size_t>(group)];
    if (width.open) fail("cannot refer to an open group", here);
    result_.needs_backtracking = true;
    return {"", fmt::format("\\g{{{}}}", group), width.shortest, width.longest, {}, false, false, 0};
  }

  void refuse_behind(int group, std::size_t here) const {
    if (behind_groups_ != 0 && group >= behind_groups_) {
      fail("cannot refer to group defined in the same lookbehind subpattern", here);
    }
  }

  // One end of a range, or a category that cannot be one.
  struct SetItem {
    char32_t value = 0;
    char category = '\0';
  };

  SetItem set_item(std::size_t open) {
    if (at_end()) fail("unterminated character set", open);
    if (peek() != '\\') return {take_character(), '\0'};
    std::size_t here = position_++;
    if (at_end()) fail("bad escape (end of pattern)", here);
    char c = pattern_[position_++];
    if (std::string_view("dDsSwW").find(c) != std::string_view::npos) return {0, c};
    if (is_octal_digit(c)) return {octal(std::string(1, c).append(take_digits(2, is_octal_digit)), here), '\0'};
    if (is_digit(c)) fail(fmt::format("bad escape \\{}", c), here);
    return {escaped_character(c, here), '\0'};
  }

  Piece character_set() {
    std::size_t open = position_++;
    bool negated = take('^');
    std::string re2, pcre2;
    std::size_t count = 0;
    SetItem only;
    bool several = negated;
    auto add = [&](const SetItem& low, const SetItem& high) {
      if (low.category != '\0') {
        re2 += std::string("\\") + low.category;
        pcre2 += character_category(low.category, flags_);
        several = true;
        return;
      }
      for (char32_t end : {low.value, high.value}) {
        if (end >= 0xd800 && end < 0xe000) fail("surrogates do not occur in names", open);
        if (end >= 0x80 && flags_.ignore_case) result_.needs_backtracking = true;
      }
      std::string text = regex_literal(low.value);
      if (high.value != low.value) text += "-" + regex_literal(high.value);
      if (high.value != low.value || count > 1) several = true;
      only = low;
      re2 += text;
      pcre2 += text;
    };
    while (true) {
      if (at_end()) fail("unterminated character set", open);
      if (count > 0 && take(']')) break;
      std::size_t here = position_;
      SetItem low = set_item(open);
      ++count;
      if (peek() != '-' || at_end()) {
        add(low, low);
        continue;
      }
      ++position_;
      if (at_end()) fail("unterminated character set", open);
      if (take(']')) {
        add(low, low);
        ++count;
        add({U'-', '\0'}, {U'-', '\0'});
        break;
      }
      SetItem high = set_item(open);
      if (low.category != '\0' || high.category != '\0' || high.value < low.value) {
        fail(fmt::format("bad character range {}", pattern_.substr(here, position_ - here)), here);
      }
      add(low, high);
    }
    if (!several && count == 1) return character(only.value);  // "[.]" is the usual way to write a dot
    std::string_view start = negated ? "[^" : "[";
    return one_character(fmt::format("{}{}]", start, re2), fmt::format("{}{}]", start, pcre2));
  }

  // Everything that starts with '('; nothing for comments and global flags.
  std::optional<Piece> parenthesis(int depth, bool flags_allowed) {
    std::size_t open = position_++;
    if (!take('?')) return captured(depth, open, "");
    if (at_end()) fail("unexpected end of pattern", position_);
    char c = pattern_[position_++];
    switch (c) {
      case ':':
        return group(depth, open, "(?:");
      case '>':
        result_.needs_backtracking = true;
        return group(depth, open, "(?>");
      case '#': {
        std::size_t close = pattern_.find(')', position_);
        if (close == std::string_view::npos) fail("missing ), unterminated comment", open);
        position_ = close + 1;
        return std::nullopt;
      }
      case '=':
      case '!':
        return look_around(depth, open, c == '=' ? "(?=" : "(?!", false);
      case '<':
        if (at_end()) fail("unexpected end of pattern", position_);
        if (peek() != '=' && peek() != '!') fail(fmt::format("unknown extension ?<{}", peek()), open + 1);
        return look_around(depth, open, pattern_[position_++] == '=' ? "(?<=" : "(?<!", true);
      case '(':
        return conditional(depth, open);
      case 'P':
        return python_extension(depth, open);
      default:
        break;
    }
    if (std::string_view("aiLmsux-").find(c) == std::string_view::npos) {
      fail(fmt::format("unknown extension ?{}", c), open + 1);
    }
    return flag_group(depth, open, c, flags_allowed);
  }

  Piece python_extension(int depth, std::size_t open) {
    if (take('<')) {
      std::string name = take_name('>');
      if (!is_identifier(name)) fail(fmt::format("bad character in group name '{}'", name), open + 4);
      if (group_number(name) != 0) fail(fmt::format("redefinition of group name '{}'", name), open + 4);
      return captured(depth, open, std::move(name));
    }
    if (take('=')) {
      std::string name = take_name(')');
      if (!is_identifier(name)) fail(fmt::format("bad character in group name '{}'", name), open + 4);
      if (group_number(name) == 0) fail(fmt::format("unknown group name '{}'", name), open + 4);
      return back_reference(group_number(name), open + 4);
    }
    if (at_end()) fail("unexpected end of pattern", position_);
    fail(fmt::format("unknown extension ?P{}", peek()), open + 1);
  }

  [[nodiscard]] int group_number(std::string_view name) const {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? 0 : found->second;
  }

  void close(std::size_t open) {
    if (!take(')')) fail("missing ), unterminated subpattern", open);
  }

  Piece group(int depth, std::size_t open, std::string_view start) {
    RegexFlags outer = flags_;
    Piece piece = alternatives(depth + 1);
    flags_ = outer;
    close(open);
    piece.wrap(start);
    return piece;
  }

  Piece captured(int depth, std::size_t open, std::string name) {
    int number = next_group_++;
    if (!name.empty()) {
      numbers_.emplace(name, number);
      result_.group_names.emplace_back(std::move(name), number);
    }
    groups_.push_back({0, 0, true});
    Piece piece = group(depth, open, "(");
    groups_[static_cast<std::size_t>(number)] = {piece.shortest, piece.longest, false};
    const bool only_gap = piece.gap && piece.head.empty() && piece.gap->tail.empty() && piece.groups == 0;
    piece.gap = only_gap ? std::optional(PythonRegex::Gap{piece.gap->least, true, {}}) : std::nullopt;
    piece.pure = false;
    ++piece.groups;
    return piece;
  }

  Piece look_around(int depth, std::size_t open, std::string_view start, bool behind) {
    int outer = behind_groups_;
    if (behind && outer == 0) behind_groups_ = next_group_;
    Piece piece = group(depth, open, start);
    behind_groups_ = outer;
    if (behind && piece.shortest != piece.longest) fail("look-behind requires fixed-width pattern", open);
    // Looking at nothing has no direction, and PCRE2 fails to see some zero widths.
    if (behind && piece.longest == 0) piece.pcre2.erase(2, 1);
    result_.needs_backtracking = true;
    Piece result = assertion("", piece.pcre2);
    result.groups = piece.groups;
    return result;
  }

  Piece conditional(int depth, std::size_t open) {
    std::string name = take_name(')');
    int number = is_identifier(name) ? group_number(name) : 0;
    if (is_identifier(name)) {
      if (number == 0) fail(fmt::format("unknown group name '{}'", name), open + 3);
    } else {
      if (!std::all_of(name.begin(), name.end(), is_digit)) {
        fail(fmt::format("bad character in group name '{}'", name), open + 3);
      }
      constexpr std::size_t kMostDigits = 6;
      number = name.size() > kMostDigits ? 1'000'000 : std::stoi(name);
      if (number == 0) fail("bad group number", open + 3);
      conditions_.emplace_back(number, open + 3);
    }
    refuse_behind(number, open + 3);
    result_.needs_backtracking = true;
    RegexFlags outer = flags_;
    Piece yes = sequence(depth + 1, false);
    Piece no;
    bool two = take('|');
    if (two) no = sequence(depth + 1, false);
    flags_ = outer;
    if (two && peek() == '|') fail("conditional backref with more than two branches", position_);
    close(open);
    std::string text = fmt::format("(?({}){}{}{})", number, yes.pcre2, two ? "|" : "", no.pcre2);
    return {
        "",    std::move(text),       std::min(yes.shortest, no.shortest), std::max(yes.longest, no.longest), {}, false,
        false, yes.groups + no.groups};
  }

  bool RegexFlags::*flag_of(char c) const {
    switch (c) {
      case 'i':
        return &RegexFlags::ignore_case;
      case 'm':
        return &RegexFlags::multi_line;
      case 's':
        return &RegexFlags::dot_all;
      case 'x':
        return &RegexFlags::verbose;
      default:
        return &RegexFlags::ascii;  // 'a' sets it, 'u' says that it is not set
    }
  }

  static bool is_flag(char c) { return std::string_view("aiLmsux").find(c) != std::string_view::npos; }

  // (?imsx), (?i:...), (?i-s:...); the first character behind '?' has been taken.
  std::optional<Piece> flag_group(int depth, std::size_t open, char c, bool flags_allowed) {
    RegexFlags changed = flags_;
    std::string on, off;
    for (; c != '-' && c != ')' && c != ':'; c = pattern_[position_++]) {
      if (c == 'L') fail("bad inline flags: cannot use 'L' flag with a str pattern", position_);
      if (!is_flag(c)) fail(is_letter(c) ? "unknown flag" : "missing -, : or )", position_ - 1);
      on += c;
      changed.*flag_of(c) = c != 'u';
      if (at_end()) fail("missing -, : or )", position_);
    }
    if (on.find('a') != std::string::npos && on.find('u') != std::string::npos) {
      fail("bad inline flags: flags 'a', 'u' and 'L' are incompatible", position_);
    }
    if (c == ')') {
      if (!flags_allowed) fail("global flags not at the start of the expression", open);
      flags_ = changed;
      return std::nullopt;
    }
    if (c == '-') {
      while (true) {
        if (at_end()) fail(off.empty() ? "missing flag" : "missing :", position_);
        c = pattern_[position_++];
        if (c == ':' && !off.empty()) break;
        if (!is_flag(c))
          fail(is_letter(c) ? "unknown flag" : off.empty() ? "missing flag" : "missing :", position_ - 1);
        if (c == 'a' || c == 'u' || c == 'L') {
          fail("bad inline flags: cannot turn off flags 'a', 'u' and 'L'", position_);
        }
        if (on.find(c) != std::string::npos) fail("bad inline flags: flag turned on and off", position_);
        off += c;
        changed.*flag_of(c) = false;
      }
    }
    bool case_changes = changed.ignore_case != flags_.ignore_case;
    RegexFlags outer = flags_;
    flags_ = changed;
    Piece piece = group(depth, open, !case_changes ? "(?:" : changed.ignore_case ? "(?i:" : "(?-i:");
    flags_ = outer;
    return piece;
  }

  struct GroupWidth {
    std::int64_t shortest = 0, longest = 0;
    bool open = false;
  };

  std::string_view pattern_;
  std::size_t position_ = 0;
  PythonRegex result_;
  RegexFlags flags_;
  int next_group_ = 1;
  std::map<std::string, int, std::less<>> numbers_;      // of the groups that have a name
  std::vector<GroupWidth> groups_{1};                    // by number; [0] is not used
  std::vector<std::pair<int, std::size_t>> conditions_;  // groups named by (?(n)...), and where
  int behind_groups_ = 0;                                // in a look-behind: the first group that it defines
  bool nullable_repeat_ = false;
};

}  // namespace

PythonRegex translate_python_regex(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace brainsurgery
