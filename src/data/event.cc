#include <array>

#include "base/names.h"
#include "data/writer.h"

namespace vlaq::data {
namespace {

constexpr std::array<Named<Event>, 3> kEvents{{{Event::kEpisodeStart, "episode_start"},
                                               {Event::kStartAction, "start_action"},
                                               {Event::kStopAction, "stop_action"}}};

}  // namespace

std::string_view Name(Event event) { return NameIn(kEvents, event); }

}  // namespace vlaq::data
