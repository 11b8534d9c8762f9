#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/text.h"

namespace vlaq::cli {
namespace {

constexpr std::string_view kGood = "32", kBad = "31;1", kUncertain = "33",
                           kQuiet = "2";  // of SGR: green, red, yellow, faint
constexpr size_t kNarrowestPage = 20;

struct ColoredText {
  std::string_view text, color;
};
// Whole cells of tables.
constexpr ColoredText kCells[] = {
    {"ok", kGood},
    {"VALID", kGood},
    {"FAILED", kBad},
    {"INVALID", kBad},
    {"missing", kBad},
    {"error", kBad},
    {"warning", kUncertain},
    {"NOT TESTABLE", kUncertain},
    {"missing (optional)", kUncertain},
    {"not found", kUncertain},
    {"note", kQuiet},
};
// What lines begin with.
constexpr ColoredText kStarts[] = {
    {"verified", kGood}, {"NOT VERIFIED", kBad}, {"intact", kUncertain},   {"INVALID", kBad},
    {"VALID", kGood},    {"vlaq:", kBad},        {"warning:", kUncertain}, {"note:", kQuiet},
};

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr ? value : "";
}

size_t WidthOf(int descriptor) {
  const std::string_view columns = Variable("COLUMNS");
  size_t width = 0;
  const auto parsed = std::from_chars(columns.data(), columns.data() + columns.size(), width);
  if (parsed.ec == std::errc() && parsed.ptr == columns.data() + columns.size() && width > 0) {
    return std::max(width, kNarrowestPage);
  }
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  return std::max<size_t>(size.ws_col, kNarrowestPage);
}

std::string Painted(std::string_view text, std::string_view color) {
  return "\033[" + std::string(color) + "m" + std::string(text) + "\033[0m";
}

// A cell ends where two spaces or the line's end follow.
std::string PaintCell(std::string_view cell) {
  const auto row = std::find_if(std::begin(kCells), std::end(kCells), [&](const auto& c) { return c.text == cell; });
  return row == std::end(kCells) ? std::string(cell) : Painted(cell, row->color);
}

}  // namespace

Terminal TerminalAt(int descriptor) {
  Terminal terminal;
  if (::isatty(descriptor) == 0) return terminal;
  const std::string_view kind = Variable("TERM");
  terminal.redraws = !kind.empty() && kind != "dumb";
  terminal.color = terminal.redraws && Variable("NO_COLOR").empty();
  terminal.width = WidthOf(descriptor);
  return terminal;
}

std::string InColor(const std::string& line) {
  constexpr std::string_view kWordEnds = " ,:;\n";
  for (const ColoredText& start : kStarts) {
    if (!line.starts_with(start.text)) continue;
    if (start.text.size() < line.size() && start.text.back() != ':' &&
        kWordEnds.find(line[start.text.size()]) == std::string_view::npos) {
      continue;
    }
    return Painted(start.text, start.color) + line.substr(start.text.size());
  }
  std::string painted;
  std::string_view rest = line;
  while (!rest.empty()) {
    const size_t begin = std::min(rest.size(), rest.find_first_not_of(" \n"));
    painted += rest.substr(0, begin);
    rest.remove_prefix(begin);
    const size_t end = std::min({rest.size(), rest.find("  "), rest.find('\n')});
    painted += PaintCell(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return painted;
}

int PersonBuffer::overflow(int c) {
  if (c == traits_type::eof()) return 0;
  const char text = static_cast<char>(c);
  return xsputn(&text, 1) == 1 ? c : traits_type::eof();
}

std::streamsize PersonBuffer::xsputn(const char* text, std::streamsize size) {
  constexpr size_t kLongestLine = size_t{1} << 16U;
  waiting_.append(text, static_cast<size_t>(size));
  const size_t end = waiting_.rfind('\n');
  if (end != std::string::npos) {
    Send(end + 1);
  } else if (waiting_.size() > kLongestLine) {
    Send(waiting_.size());
  }
  return failure_ == 0 ? size : 0;
}

int PersonBuffer::sync() {
  Send(waiting_.size());
  if (failure_ == 0 && sink_.pubsync() != 0) Failed();
  return failure_ == 0 ? 0 : -1;
}

void PersonBuffer::Send(size_t bytes) {
  std::string page;
  const size_t taken = AppendPrintablePage(std::string_view(waiting_).substr(0, bytes), page);
  waiting_.erase(0, taken);
  if (failure_ != 0 || page.empty()) return;
  if (color_) {
    std::string painted;
    for (size_t begin = 0; begin < page.size();) {
      const size_t end = std::min(page.size(), page.find('\n', begin)) + 1;
      painted += InColor(page.substr(begin, end - begin));
      begin = end;
    }
    page = std::move(painted);
  }
  if (sink_.sputn(page.data(), static_cast<std::streamsize>(page.size())) !=
      static_cast<std::streamsize>(page.size())) {
    Failed();
  }
}

void PersonBuffer::Failed() { failure_ = errno != 0 ? errno : EIO; }

}  // namespace vlaq::cli
