// What a report says, before it has a form: sections of paragraphs, tables, figures and pictures. Plain data.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace vlaq::report {

// How a word is meant: it gets a color, and says the same without it.
enum class Severity { kPlain, kGood, kWarning, kBad };

struct Cell {
  std::string text;
  Severity mood = Severity::kPlain;
  Cell() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): rows are lists of texts
  Cell(std::string of, Severity in = Severity::kPlain) : text(std::move(of)), mood(in) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Cell(const char* of) : text(of) {}
};

struct Table {
  std::string caption;
  std::vector<std::string> header;  // the first column names its row
  std::vector<std::vector<Cell>> rows;
  bool folded = false;  // shown to whoever opens it; not on paper
};

// What is known of one policy at a glance.
struct Card {
  std::string name;
  Cell verdict;
  std::vector<std::pair<std::string, Cell>> facts;  // "size" and "1.75 MB, 31 % of its source"
};
struct Cards {
  std::vector<Card> list;
};

struct Range {
  double low = 0, high = 0;
};

// Horizontal bars from 0, or, on a logarithmic axis, dots; a bar of several parts is stacked, or has a bar for each
// part.
struct Bars {
  struct Bar {
    std::string label;
    std::vector<double> parts;           // as many as part_names; at least one
    std::optional<Range> interval = {};  // of the sum
    std::string value = {};              // how it is written beside the bar
    bool bad = false;                    // beyond what it is held against
  };
  std::vector<std::string> part_names;  // none: one part without a name
  std::vector<Bar> bars;
  std::string axis;  // "size, MB"
  bool logarithmic = false;
  bool stacked = true;              // false: the sum of the parts means nothing
  std::optional<double> line = {};  // a value to hold them against, as 1 for ratios
  std::string line_label = {};
};

// Points by x and y of one or more series, joined by lines or not.
struct Curves {
  struct Point {
    double x = 0, y = 0;
    bool marked = false;  // drawn as a cross
  };
  struct Series {
    std::string name;
    std::vector<Point> points;
  };
  std::string x_axis, y_axis;
  std::vector<Series> series;
  bool joined = true;
  bool logarithmic_x = false;
  std::optional<double> line = {};  // a horizontal line
  std::string line_label = {};
};

// Counts by row and column; color by share of the row.
struct Matrix {
  std::vector<std::string> names;  // of rows and of columns
  std::vector<std::vector<double>> values;
  std::string row_title, column_title;
};

// The floor of the simulated world from above, meters: x upwards (forward from the start), y to the left.
struct Floor {
  struct Box {
    double x = 0, y = 0, half_x = 0, half_y = 0;
  };
  struct Step {
    double x = 0, y = 0;
    bool lost = false;  // no frame arrived
  };
  std::vector<Box> boxes;
  double goal_x = 0, goal_y = 0, goal_distance = 0;
  std::vector<Step> path;
  bool succeeded = false;
};

struct Figure {
  std::string title;
  std::string description;  // what it shows, for those who do not see it, and below it
  std::variant<Bars, Curves, Matrix, Floor> plot;
  Table table;            // the same numbers
  bool headline = false;  // its numbers are shown where plots are not
};

struct Picture {
  std::string title;
  std::string alternative;  // what it shows, in words
  std::string png;          // the file's bytes
};

struct Paragraph {
  std::string text;
};

using Block = std::variant<Paragraph, Table, Figure, Picture, Cards>;

struct Section {
  std::string id;  // unique on the page: "latency"
  std::string title;
  std::vector<Block> blocks;
};

struct Page {
  std::string title, subtitle;
  Cell headline;    // the verdict in a line, and what it rests on
  Table questions;  // what most readers ask, and the answers
  std::vector<Section> sections;
};

}  // namespace vlaq::report
