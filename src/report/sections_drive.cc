// One drive in the simulator: the way from above, and what the camera saw.
#include <fmt/format.h>

#include "base/mapped_file.h"
#include "base/text.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

Floor FloorOf(const JsonField& root) {
  Floor floor;
  const JsonField scene = root["scene"];
  for (const JsonField& box : scene["boxes"].Items()) {
    floor.boxes.push_back({box["x"].Number(), box["y"].Number(), box["half_x"].Number(), box["half_y"].Number()});
  }
  floor.goal_x = scene["bottle"]["x"].Number();
  floor.goal_y = scene["bottle"]["y"].Number();
  floor.goal_distance = scene["reached_within_m"].Number();
  for (const JsonField& step : root["path"].Items()) {
    floor.path.push_back({step["x"].Number(), step["y"].Number(), step["lost"].Flag()});
  }
  floor.succeeded = root["succeeded"].Flag();
  return floor;
}

Table PathTable(const Floor& floor) {
  Table table{"", {"step", "ahead, m", "to the left, m", "frame"}, {}};
  for (size_t i = 0; i < floor.path.size(); ++i) {
    table.rows.push_back({std::to_string(i), fmt::format("{:.2f}", floor.path[i].x),
                          fmt::format("{:.2f}", floor.path[i].y), floor.path[i].lost ? "lost" : ""});
  }
  return table;
}

}  // namespace

void AddDrive(const Document& document, const JsonField& root, Draft& draft) {
  Floor floor = FloorOf(root);
  const std::string what = fmt::format("seed {}, \"{}\"", root["seed"].Integer(), root["instruction"].Text());
  const std::string end = root["verdict"].Text();
  const std::string driver = ShortName(root["driver"].Text());
  Table table = PathTable(floor);
  draft.Add(Part::kRollouts, Figure{fmt::format("From above: {}", what),
                                    fmt::format("{} {} after {} steps and {:.1f} m; a dot per control step.", driver,
                                                end, root["steps"].Integer(), root["path_length_m"].Number()),
                                    std::move(floor), std::move(table)});
  // The pictures lie beside the document, so that a folder can be moved.
  const std::string file = root["files"]["camera"].Text();
  if (root["files"]["camera"].status().ok()) {
    const auto path = document.path.parent_path() / std::filesystem::path(file).filename();
    const auto picture = MappedFile::Open(path);
    if (!picture.ok()) {
      root["files"]["camera"].Fail("cannot be read: " + picture.error().ToString());
      return;
    }
    draft.Add(Part::kRollouts,
              Picture{"What the camera saw: " + what,
                      "A frame per control step, row by row from the left. A black frame is one that did not arrive.",
                      std::string(AsText((*picture)->bytes()))});
  }
}

}  // namespace vlaq::report
