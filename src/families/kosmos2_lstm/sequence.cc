// How words, image rows and the action token are put in a row (docs/kosmos2_lstm.md 4.4, 6.2, 7.4, 8.3).
#include "families/kosmos2_lstm/towers.h"

namespace vlaq::kosmos2_lstm {
namespace {

class Arrangement {
 public:
  Arrangement(Network& net, const Model& model, const PolicySpec& spec, const PromptValues& prompt, Value image_embeds)
      : net_(net), model_(model), spec_(spec), prompt_(prompt), image_(std::move(image_embeds)) {
    words_ = net.Op("Gather", {net.Weight("text_model.model.embed_tokens.weight"), prompt.ids}, {{"axis", int64_t{0}}});
  }

  // The processor's placeholders give way to the image rows; positions count the ids that are not padding.
  Sequence HfProcessor() {
    const int64_t start = spec_.image_start;
    const int64_t end = start + model_.structure.latents;
    const Value embeddings = net_.Concat({Words(0, start), image_, Words(end, Network::kEnd)}, 1);
    const Value pad = net_.Integer(kPadId);
    const Value real = net_.Cast(net_.Op("Not", {net_.Op("Equal", {prompt_.ids, pad})}), DType::kI64);
    const Value count = net_.Mul(net_.Op("CumSum", {real, net_.Integer(1)}), real);
    return {embeddings, prompt_.mask, net_.Add(count, pad)};
  }

  // <s>, image rows, the prompt but its last token, the action token, the last token.
  Sequence Robovlms() {
    const Value embeddings =
        net_.Concat({Words(0, 1), image_, Words(1, -1), ActionToken(), Words(-1, Network::kEnd)}, 1);
    const Value mask =
        net_.Concat({Mask(0, 1), Ones(model_.structure.latents), Mask(1, -1), Ones(1), Mask(-1, Network::kEnd)}, 1);
    return {embeddings, mask, CountedPositions(mask)};
  }

  // Image rows over the first positions, whatever stood there; the action token last. The prompt's mask stays.
  Sequence ForkFallback() {
    const Value embeddings = net_.Concat({image_, Words(model_.structure.latents, Network::kEnd), ActionToken()}, 1);
    const Value mask = net_.Concat({prompt_.mask, Ones(1)}, 1);
    return {embeddings, mask, CountedPositions(mask)};
  }

 private:
  Value ForBatch(const Value& rows) { return prompt_.baked ? net_.RepeatForBatch(rows, image_) : rows; }
  Value Words(int64_t start, int64_t end) { return ForBatch(net_.Slice(words_, 1, start, end)); }
  Value Mask(int64_t start, int64_t end) { return net_.Slice(prompt_.mask, 1, start, end); }
  Value ActionToken() {
    const Value row = net_.Reshape(net_.Weight("action_token"), {1, 1, model_.structure.text.width});
    return net_.RepeatForBatch(row, image_);
  }
  // int64 ones [B or 1, count], with the batch of the prompt's mask.
  Value Ones(int64_t count) {
    const std::vector<int64_t> ones(static_cast<size_t>(count), 1);
    const Value row = net_.graph().Constant("constant/ones", Tensor::From<int64_t>({1, count}, ones));
    return prompt_.baked ? row : net_.RepeatForBatch(row, prompt_.mask);
  }
  // With embeddings instead of ids, token t has row t + padding row + 1, padding counted too.
  Value CountedPositions(const Value& mask) {
    const Value ones = net_.Cast(net_.Op("Equal", {mask, mask}), DType::kI64);
    return net_.Add(net_.Op("CumSum", {ones, net_.Integer(1)}), net_.Integer(kPadId));
  }

  Network& net_;
  const Model& model_;
  const PolicySpec& spec_;
  const PromptValues& prompt_;
  Value image_;
  Value words_;
};

}  // namespace

Sequence ArrangeSequence(Network& net, const Model& model, const PolicySpec& spec, const PromptValues& prompt,
                         const Value& image_embeds) {
  const auto scope = net.graph().Enter("sequence");
  Arrangement arrangement(net, model, spec, prompt, image_embeds);
  switch (spec.prompt_layout) {
    case PromptLayout::kHfProcessor:
      return arrangement.HfProcessor();
    case PromptLayout::kRobovlms:
      return arrangement.Robovlms();
    case PromptLayout::kForkFallback:
      return arrangement.ForkFallback();
  }
  return {};
}

}  // namespace vlaq::kosmos2_lstm
