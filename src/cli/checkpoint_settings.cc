#include "cli/checkpoint_settings.h"

#include "cli/verb.h"

namespace vlaq::cli {

void CheckpointSettings::AddTo(CLI::App& app) {
  app.add_option("checkpoint", checkpoint,
                 "The checkpoint: .pth, .pt, .safetensors, model.safetensors.index.json, or a folder that holds one; "
                 "config.json, policy.json and sentencepiece.bpe.model beside it are taken unless others are given")
      ->required();
  const std::string model = "What the checkpoint does not say";
  app.add_option("--config", config,
                 "transformers' Kosmos2Config; default: the published Kosmos-2, if the shapes agree")
      ->type_name("config.json")
      ->group(model);
  app.add_option("--policy", policy, "Feature source, layout, preprocessing, window, chunk, scale, prompt")
      ->type_name("policy.json")
      ->group(model);
  OneOf(app.add_option("--feature-source", feature_source, "What feeds the LSTM"), policy::FeatureSourceNames())
      ->group(model);
  OneOf(app.add_option("--prompt-layout", prompt_layout, "How the prompt stands around the image"),
        policy::PromptLayoutNames())
      ->group(model);
  app.add_option("--state-dict", state_dict,
                 "Key of the state dict to take, where a .pth holds several, such as ema_state_dict")
      ->type_name("KEY")
      ->group(model);
  app.add_option(
         "--override", overrides,
         "Setting of policy.json for which the given or default value holds although the checkpoint says another")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->group(model);
  const std::string prompt(kPromptGroup);
  auto* told = app.add_option("--instruction", instruction, "The instruction; needs --tokenizer")->group(prompt);
  app.add_option("--tokenizer", tokenizer, "SentencePiece model of the checkpoint")
      ->type_name("sentencepiece.bpe.model")
      ->group(prompt);
  app.add_option("--prompt-ids", prompt_ids, "Token ids as the encoder takes them")
      ->type_name("ID,ID,...")
      ->excludes(told)
      ->group(prompt);
}

Result<exporting::ExportOptions> CheckpointSettings::Options() const {
  if (bundle::IsBundle(checkpoint)) {
    return InputError(checkpoint.string(), "is a bundle, and this takes the checkpoint that one is made from",
                      "vlaq run, vlaq verify and vlaq quantize take bundles");
  }
  exporting::ExportOptions options;
  options.checkpoint = checkpoint;
  options.state_dict = state_dict;
  options.settings.overrides = overrides;
  options.settings.config = config;
  options.settings.policy = policy;
  // The options take known names only; without one, the checkpoint and policy.json decide.
  options.settings.feature_source = policy::FindFeatureSource(feature_source);
  options.settings.prompt_layout = policy::FindPromptLayout(prompt_layout);
  options.prompt.tokenizer = tokenizer;
  options.prompt.instruction = instruction;
  if (!prompt_ids.empty()) {
    VLAQ_ASSIGN_OR_RETURN(options.prompt.ids, ParseIds(prompt_ids, "--prompt-ids"));
  }
  return options;
}

}  // namespace vlaq::cli
