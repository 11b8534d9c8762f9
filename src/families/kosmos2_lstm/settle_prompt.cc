#include "families/kosmos2_lstm/settle_prompt.h"

#include <fmt/format.h>

#include "base/json.h"
#include "families/kosmos2_lstm/policy_of.h"
#include "families/kosmos2_lstm/prompt.h"

namespace vlaq::kosmos2_lstm {
namespace {

using families::Proposal;
using families::Settings;
using TokenizerPtr = std::shared_ptr<const tokenizer::Tokenizer>;

Result<TokenizerPtr> LoadTokenizer(const std::filesystem::path& path, const PolicySpec& spec, Log& log) {
  if (path.empty()) return TokenizerPtr();
  VLAQ_ASSIGN_OR_RETURN(TokenizerPtr tokenizer, tokenizer::Tokenizer::Load(path));
  Status fits = prompt::CheckTokenizer(spec, *tokenizer);
  if (!fits.ok()) return Within(path.string(), fits.error());
  if (tokenizer->vocabulary().size() < spec.vocabulary) {
    log.Warning(fmt::format("{} has {} tokens, the checkpoint embeds {}: the others are taken for padding",
                            path.string(), tokenizer->vocabulary().size(), spec.vocabulary));
  }
  return tokenizer;
}

Result<prompt::Prompt> MakePrompt(const Settings& settings, const PolicySpec& spec, const TokenizerPtr& tokenizer,
                                  std::string_view instruction) {
  if (settings.ids) return prompt::FromIds(spec, *settings.ids);
  if (tokenizer != nullptr) return prompt::FromInstruction(spec, *tokenizer, instruction);
  return UsageError("--instruction needs the checkpoint's tokenizer",
                    "give --tokenizer sentencepiece.bpe.model, or the ids with --prompt-ids");
}

}  // namespace

Status CheckTemplate(const PolicySpec& spec, const std::vector<families::Stated>& stated, const std::string& where) {
  const std::string own = prompt::TemplateOf(spec.prompt_layout);
  const std::string start = own.substr(0, own.find('{'));
  for (const families::Stated& row : stated) {
    if (row.key != "prompt_template") continue;
    const auto text = Json::parse(row.value).get<std::string>();
    if (text.substr(0, text.find('{')) == start) continue;
    return InputError(where,
                      fmt::format("the checkpoint's {} is '{}', but prompt_layout {} tells the policy '{}'", row.place,
                                  text, Name(spec.prompt_layout), own),
                      "choose another --set prompt_layout=..., or keep it deliberately with --override "
                      "prompt_template");
  }
  return {};
}

Status SettlePrompt(const Settings& settings, Log& log, PolicySpec& spec, Proposal& proposal) {
  VLAQ_ASSIGN_OR_RETURN(const TokenizerPtr tokenizer, LoadTokenizer(settings.tokenizer, spec, log));
  const bool asked = settings.ids || settings.task;
  if (!CanReadTask(spec)) {
    if (asked) proposal.warnings.emplace_back("the prompt is not used: feature_source pooler reads none");
    prompt::Bake({}, spec);
    return {};
  }
  if (asked) {
    auto given = MakePrompt(settings, spec, tokenizer, settings.task.value_or(""));
    if (!given.ok() && !settings.ids && tokenizer == nullptr) {
      proposal.missing.push_back(given.error());
      return {};
    }
    if (!given.ok()) return given.error();
    const std::string complaint = settings.ids ? "" : prompt::Complaint(*given);
    if (!complaint.empty()) proposal.warnings.push_back(complaint);
    prompt::Bake(*given, spec);
  } else if (spec.prompt_layout == PromptLayout::kForkFallback && !spec.prompt_ids.empty() &&
             spec.attention_mask.empty()) {  // policy.json may give them without padding, as --prompt-ids does
    std::string text = std::move(spec.prompt_text);
    VLAQ_ASSIGN_OR_RETURN(prompt::Prompt padded, prompt::FromIds(spec, spec.prompt_ids));
    padded.text = std::move(text);
    prompt::Bake(padded, spec);
  } else if (spec.prompt_ids.empty()) {
    const auto empty = tokenizer != nullptr ? MakePrompt(settings, spec, tokenizer, "") : prompt::Published(spec);
    if (!empty.ok()) {
      proposal.missing.push_back(empty.error());
      return {};
    }
    prompt::Bake(*empty, spec);
    proposal.assumptions.push_back(
        {"prompt_text", empty->text,
         fmt::format(
             "prompt_text is '{}', without any instruction: that is what the whole-policy graph is told (choose "
             "with --instruction or --prompt-ids)",
             empty->text)});
  }
  return {};
}

}  // namespace vlaq::kosmos2_lstm
