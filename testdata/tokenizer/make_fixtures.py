#!/usr/bin/env python3
"""Makes a small SentencePiece model and what transformers' own Kosmos-2 tokenizer and processor make of texts with it.

    pip install sentencepiece protobuf transformers torch pillow
    python make_fixtures.py

Writes beside itself
  small.model      Unigram, XLM-RoBERTa's first three pieces; a small normalisation table (the usual one is 240 kB)
  other.model      the same pieces numbered differently: must be refused
  expected.json    pieces; texts with their ids; the same with <s> and </s>; processor prompts with their masks
The published vocabulary of 64000 pieces is not here; its known ids are in the tests.
"""
import itertools, json, pathlib, tempfile
import numpy as np
import sentencepiece as spm
from PIL import Image
from sentencepiece import sentencepiece_model_pb2 as model_pb2
from transformers import CLIPImageProcessor, Kosmos2Processor, XLMRobertaTokenizer

HERE = pathlib.Path(__file__).parent

TEXTS = [
    "", " ", "An image of", " An image of ", "<grounding>An image of", "<grounding> An image of", "a", " a", "An  image\tof\na robot",
    "<grounding>An image of a robot navigate to the left bottle", "turn left, then go forward!", "TURN LEFT", "x<grounding>y", "x <grounding> y",
    "<image></image>", "<phrase>the box</phrase><object><patch_index_0044><patch_index_0863></object>", "<patch_index_1024>", "<patch_index_044>",
    "<patch_index_1023><patch_index_0000>", "</doc></chunk></line></delimiter_of_multi_objects/>", "<ground>", "<<grounding>>", "<grounding", "< grounding>",
    "<s>stop</s>", "<pad><unk><mask>", "go <mask> now", "unknown: \u2603 \u2603\u2603 \u4e2d\u6587", "caf\u00e9 na\u00efve", "\uff21\uff22\uff23 full width", "\ufb01le o\ufb03ce",
    "\u3000wide\u3000space\u3000", "emoji \U0001f600!", "12345 67.8 m/s", "one<image>two<image>three", "a.b,c;d:e?f!", "\u00a0no-break\u00a0space",
]
PROMPTS = ["<grounding>An image of", "<grounding>An image of a robot go to the bottle", "  <grounding> An image of  ", "turn right", "", "<grounding>An image of \u2603"]
ROBOVLMS = ["go to the left bottle", "  stop now  ", "<phrase>the box</phrase>", ""]


def train():
    verbs = ["go to", "navigate to", "turn towards", "stop at", "drive past", "look at", "avoid"]
    sides = ["left", "right", "near", "far", "red", "blue", "small", "first"]
    things = ["bottle", "box", "chair", "door", "wall", "robot", "table", "person", "file", "office"]
    lines = [f"An image of a robot {v} the {s} {t}" for v, s, t in itertools.product(verbs, sides, things)]
    lines += [f"Please {v} the {t}, then turn {s}! It is {n}.{n + 3} m away." for n, (v, s, t) in enumerate(zip(verbs * 9, sides * 9, things * 9))]
    rules = {0x09: " ", 0x0A: " ", 0x0D: " ", 0xA0: " ", 0x3000: " ", 0xFB01: "fi", 0xFB03: "ffi"}
    rules.update({0xFF21 + i: chr(65 + i) for i in range(26)})
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "rules.tsv"
        table.write_text("".join(f"{k:X}\t{' '.join(f'{ord(c):X}' for c in v)}\n" for k, v in rules.items()))
        def make(name, **ids):
            spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=f"{folder}/m", vocab_size=400, hard_vocab_limit=False, model_type="unigram",
                                           normalization_rule_tsv=str(table), character_coverage=1.0, num_threads=1, minloglevel=2, **ids)
            (HERE / name).write_bytes(pathlib.Path(f"{folder}/m.model").read_bytes())
        make("small.model", unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
        make("other.model", unk_id=2, bos_id=0, eos_id=1, pad_id=-1)


def load():
    """As transformers converts the published model: four specials, the pieces from the third on, <mask>."""
    proto = model_pb2.ModelProto()
    proto.ParseFromString((HERE / "small.model").read_bytes())
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(p.piece, p.score) for p in proto.pieces[3:]] + [("<mask>", 0.0)]
    tokenizer = XLMRobertaTokenizer(vocab=vocab, _spm_precompiled_charsmap=proto.normalizer_spec.precompiled_charsmap)
    return len(proto.pieces), Kosmos2Processor(CLIPImageProcessor(), tokenizer)


if __name__ == "__main__":
    train()
    pieces, processor = load()
    tokenizer = processor.tokenizer
    picture = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    out = {"pieces": pieces, "size": len(tokenizer), "texts": [], "prompts": [], "robovlms": []}
    for text in TEXTS:
        out["texts"].append({"text": text, "ids": tokenizer(text, add_special_tokens=False)["input_ids"]})
    for text, n in [(t, 64) for t in PROMPTS] + [(PROMPTS[0], 5)]:
        made = processor(images=picture, text=text, num_image_tokens=n)
        out["prompts"].append({"text": text, "image_tokens": n, **{k: list(made[k]) for k in ("input_ids", "attention_mask", "image_embeds_position_mask")}})
    for instruction in ROBOVLMS:
        text = "<grounding>An image of a robot " + instruction.strip()
        out["robovlms"].append({"instruction": instruction, "ids": tokenizer(text)["input_ids"]})
    (HERE / "expected.json").write_text(json.dumps(out, separators=(",", ":")).replace("},{", "},\n{") + "\n")
