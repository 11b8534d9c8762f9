#include "report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace vlaq::report {
namespace {

constexpr size_t kSeriesStyles = 8;

std::string_view Name(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "";
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::string OneLine(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return Printable(line);
}

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : OneLine(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Shortened(const std::string& text, size_t letters) {
  if (text.size() <= letters || letters < 3) return text;
  size_t head = letters / 2;
  size_t tail = text.size() - (letters - head - 1);
  while (head > 0 && IsContinuation(text[head])) --head;
  while (tail < text.size() && IsContinuation(text[tail])) ++tail;
  return text.substr(0, head) + "…" + text.substr(tail);
}

void Svg::Close(std::string_view element, std::string_view tip) {
  if (tip.empty()) {
    body_ += "/>\n";
    return;
  }
  body_ += fmt::format("><title>{}</title></{}>\n", Escape(tip), element);
}

void Svg::Line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                       style);
}

void Svg::Rectangle(double x, double y, double width, double height, std::string_view style, std::string_view tip) {
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"", x, y, width,
                       height, style);
  Close("rect", tip);
}

void Svg::Circle(double x, double y, double radius, std::string_view style, std::string_view tip) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"", x, y, radius, style);
  Close("circle", tip);
}

void Svg::Cross(double x, double y, double half, std::string_view style, std::string_view tip) {
  body_ += fmt::format("<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}M{:.1f} {:.1f}L{:.1f} {:.1f}\" class=\"{}\"", x - half,
                       y - half, x + half, y + half, x - half, y + half, x + half, y - half, style);
  Close("path", tip);
}

void Svg::Path(const std::vector<std::pair<double, double>>& points, std::string_view style) {
  if (points.empty()) return;
  body_ += "<path d=\"";
  for (size_t i = 0; i < points.size(); ++i) {
    fmt::format_to(std::back_inserter(body_), "{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L', points[i].first, points[i].second);
  }
  body_ += fmt::format("\" class=\"{}\"/>\n", style);
}

void Svg::Text(double x, double y, std::string_view text, Anchor anchor, std::string_view style) {
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"", x, y, Name(anchor));
  if (!style.empty()) body_ += fmt::format(" class=\"{}\"", style);
  body_ += fmt::format(">{}</text>\n", Escape(text));
}

std::string Svg::Finish(double height, std::string_view id, std::string_view title,
                        std::string_view description) const {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-labelledby=\"{}-t {}-d\">\n<title id=\"{}-t\">{}</title>\n"
      "<desc id=\"{}-d\">{}</desc>\n{}</svg>\n",
      kDrawingWidth, height, id, id, id, Escape(title), id, Escape(description), body_);
}

std::string SeriesStyle(size_t i, std::string_view kind) { return fmt::format("s{} {}", i % kSeriesStyles, kind); }

}  // namespace vlaq::report
