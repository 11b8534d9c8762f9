// A drive in the simulator as files: what the camera saw, the way from above, and a document that the report shows.
#pragma once

#include <filesystem>
#include <string>

#include "base/json_fwd.h"
#include "base/status.h"
#include "sim/trace.h"

namespace vlaq::cli {

// Names of the three, which lie beside each other.
struct DriveFiles {
  std::string top, camera, json;
};
DriveFiles DriveFilesOf(const sim::Layout& layout);

// What became of a drive, in words.
std::string DriveVerdict(const sim::Trace& trace);

// Writes them into `folder` and returns the document ("vlaq.sim.render/1"). `driver`: who drove. Errors: of the files,
// which must not be there.
Result<Json> WriteDrive(const std::filesystem::path& folder, const sim::Trace& trace, const std::string& driver);

}  // namespace vlaq::cli
