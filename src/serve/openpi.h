// What openpi's policy server and its clients say to each other, as messages; who carries them is serve/net_*. Pure.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "serve/policy_service.h"
#include "serve/request.h"

namespace vlaq::serve {

// The first message of the server: what the policy takes and gives {input_keys, action_dim, chunk, period_s, names,
// units, inputs, policy}. `name`: of the policy.
Result<std::string> OpenpiMetadata(const PolicyFeatures& features, const std::vector<std::string>& input_keys,
                                   const std::string& name);

// An observation. Lists of numbers count as arrays; "reset" (true) begins an episode, which openpi itself has no word
// for. Errors: kInput naming the byte or the key.
Result<Request> OpenpiRequest(Bytes message);

// The answer to it: {actions [chunk, dim], further outputs by name, policy_timing {infer_ms}, server_timing {infer_ms,
// prev_total_ms}}. `previous_ms`: how long the one before took altogether; 0 at the first.
Result<std::string> OpenpiReply(const PolicyFeatures& features, const Answer& answer, double previous_ms);

}  // namespace vlaq::serve
