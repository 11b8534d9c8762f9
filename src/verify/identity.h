// Stage 0: are these graphs that checkpoint? Every tensor must be in them, bit for bit or by a named transformation,
// and the outputs must depend on it. Not aware of: running anything.
#pragma once

#include <filesystem>

#include "base/log.h"
#include "bundle/bundle.h"
#include "checkpoint/checkpoint.h"
#include "verify/report.h"

namespace vlaq::verify {

// Adds the checks of stage 0 to `report`. `checkpoint` may be null: then the bundle is held against its own records
// (checksums made at export) instead of the source. Errors (not failures of the proof): kInput if something cannot be
// read at all.
Status CheckIdentity(const bundle::Bundle& bundle, const checkpoint::Checkpoint* checkpoint, Log& log, Report& report);

}  // namespace vlaq::verify
