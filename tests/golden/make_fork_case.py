"""The prompt layout fork_fallback for the generator of golden cases (make_cases.py imports this).

What the fork's training path computes on an unpatched Kosmos-2 (docs/kosmos2_lstm.md 8.3), with transformers' own modules: the
prompt is padded with id 0 to the number of image rows, the image rows overwrite the first positions whatever stood
there, the learned action token comes last, the mask shows the prompt and the action token only, and the feature is the
last position. The files hold the prompt as a user would give it: without padding.
"""
import torch


def encode(policy, pixels, ids):
    """pixels [T,3,S,S], ids [1,N] -> vision hidden, image rows, text hidden, feature."""
    kosmos, frames = policy.kosmos_model, pixels.shape[0]
    vision, image = policy.image_embeds(pixels)
    rows = image.shape[1]
    count = ids.shape[1]
    padded = torch.cat([ids, torch.zeros(1, max(0, rows - count), dtype=ids.dtype)], 1)
    words = kosmos.text_model.model.embed_tokens(padded).expand(frames, -1, -1)
    sequence = torch.cat([words, policy.action_token.expand(frames, 1, -1)], 1)
    mask = torch.zeros(sequence.shape[:2], dtype=torch.long)
    mask[:, :count] = 1
    mask[:, -1] = 1
    image_places = torch.zeros(sequence.shape[:2], dtype=torch.long)
    image_places[:, :rows] = 1
    hidden = kosmos.text_model(inputs_embeds=sequence.clone(), attention_mask=mask, image_embeds=image,
                               image_embeds_position_mask=image_places).last_hidden_state
    return vision, image, hidden, hidden[:, -1]


def teach(generator):
    """Gives the generator's policy class the layout."""
    known = generator.KosmosLstmPolicy.encode

    def either(policy, pixels, ids, mask, places):
        if policy.spec["prompt_layout"] == "fork_fallback":
            return encode(policy, pixels, ids)
        return known(policy, pixels, ids, mask, places)

    generator.KosmosLstmPolicy.encode = either
