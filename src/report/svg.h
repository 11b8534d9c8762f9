// A drawing as inline SVG that takes its colors from the page's style sheet (style.cc), so that it follows light, dark
// and print. Units are CSS pixels at the width of a phone; the page scales it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vlaq::report {

inline constexpr double kDrawingWidth = 340;
inline constexpr double kLineHeight = 14;  // of text
inline constexpr double kLetterWidth = 6;  // at most, of the size that labels have

// Text on one line that steers no terminal, for Markdown, which people read there.
std::string OneLine(std::string_view text);
// The same for HTML, text and attributes alike.
std::string Escape(std::string_view text);

// At most `letters` long: the middle gives way to an ellipsis.
std::string Shortened(const std::string& text, size_t letters);

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  // `style`: names of classes in the style sheet. `tip` shows under the pointer and may be empty.
  void Line(double x1, double y1, double x2, double y2, std::string_view style);
  void Rectangle(double x, double y, double width, double height, std::string_view style, std::string_view tip = "");
  void Circle(double x, double y, double radius, std::string_view style, std::string_view tip = "");
  void Cross(double x, double y, double half, std::string_view style, std::string_view tip = "");
  void Path(const std::vector<std::pair<double, double>>& points, std::string_view style);
  void Text(double x, double y, std::string_view text, Anchor anchor = Anchor::kStart, std::string_view style = "");

  // The element, with an accessible name and description; `id` is unique on the page.
  std::string Finish(double height, std::string_view id, std::string_view title, std::string_view description) const;

 private:
  void Close(std::string_view element, std::string_view tip);
  std::string body_;
};

// "s0 s0-line": the class of series i; eight differ, also in dashes and in print.
std::string SeriesStyle(size_t i, std::string_view kind);

}  // namespace vlaq::report
