"""A small SentencePiece vocabulary of the robot's sentences, numbered as transformers numbers Kosmos-2's, and the prompts
made with it. vlaq reads the same file and must give the same ids (src/tokenizer, src/prompt).

Unigram, made from the sentences alone; single characters are always in, so few words are unknown.
Upper case and every kind of space are folded away by the model's own normalization table.
"""
import collections
import io
import math
import pathlib
import re
import string
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

BOS, PAD, EOS, UNKNOWN = 0, 1, 2, 3
TAGS = 11  # </doc> ... <grounding>
PATCH_TOKENS = 1024
PREFIX = "An image of"
CHARACTERS = string.ascii_lowercase + string.digits + ".,;:!?'()-/"
WORD_START = "\u2581"
LETTER_PENALTY = 4.0
# Never as text: the tags, which vlaq would recognize in an instruction, begin so.
TAG_START = "<"


def _normalizer():
    """A model whose normalization is ours; its pieces do not matter."""
    rules = {code: " " for code in (0x09, 0x0A, 0x0D, 0xA0, 0x3000)}
    rules.update({ord(c): c.lower() for c in string.ascii_uppercase})
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder) / "rules.tsv"
        table.write_text("".join(f"{k:X}\t{ord(v):X}\n" for k, v in sorted(rules.items())))
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([PREFIX]), model_writer=model, model_type="unigram", vocab_size=100,
            hard_vocab_limit=False, num_threads=1, normalization_rule_tsv=str(table), unk_id=0, bos_id=1, eos_id=2,
            pad_id=-1, minloglevel=2)
    return sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())


def train(instructions):
    """The bytes of a Unigram model for `instructions`, the same for the same set of them.

    A piece for every word with the logarithm of its frequency as its score, and one for every character, far below. The
    library's own search for pieces finds nothing in a dozen sentences and splits "left" into letters.
    """
    lines = [f"{PREFIX} {text}".lower() for text in sorted(set(instructions))] or [PREFIX.lower()]
    counts = collections.Counter(WORD_START + w for line in lines for w in re.findall(r"[a-z0-9]+", line))
    total = sum(counts.values())
    scores = {word: math.log(count / total) for word, count in counts.items()}
    letter = min(scores.values()) - LETTER_PENALTY
    scores.update({c: letter for c in (WORD_START + CHARACTERS) if c not in scores})
    proto = _normalizer()
    special = list(proto.pieces[:3])
    spec = proto.trainer_spec
    proto.ClearField("pieces")
    proto.pieces.extend(special)
    for piece, score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        proto.pieces.add(piece=piece, score=score)
    spec.Clear()
    spec.model_type, spec.vocab_size = spec.UNIGRAM, len(proto.pieces)
    spec.unk_id, spec.bos_id, spec.eos_id, spec.pad_id = 0, 1, 2, -1
    proto.normalizer_spec.ClearField("normalization_rule_tsv")
    return proto.SerializeToString(deterministic=True)


class Tokenizer:
    def __init__(self, model):
        """`model`: the bytes of a sentencepiece.bpe.model."""
        self.model = model
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.pieces = self.processor.get_piece_size()
        if [self.processor.id_to_piece(i) for i in range(3)] != ["<unk>", "<s>", "</s>"]:
            raise ValueError("the pieces must begin with <unk>, <s>, </s>")
        first_tag = self.pieces + 2  # after <mask>
        self.image_open, self.image_close, self.grounding = first_tag + 1, first_tag + 2, first_tag + 10
        self.size = first_tag + TAGS + PATCH_TOKENS

    def encode(self, text):
        """Ids of plain text, without <s> and </s>."""
        if TAG_START in text:
            raise ValueError(f"a plain text must not hold '{TAG_START}': {text!r}")
        return [k + 1 if k >= 3 else UNKNOWN for k in self.processor.encode(text)]

    def prompt(self, instruction, image_tokens):
        """The layout hf_processor: <s> <image> placeholders </image> <grounding> An image of <instruction>"""
        text = f"{PREFIX} {instruction.strip()}".strip()
        placeholders = range(4, 4 + image_tokens)
        return [BOS, self.image_open, *placeholders, self.image_close, self.grounding, *self.encode(text)]

    def prompt_text(self, instruction):
        """What vlaq writes as prompt_text."""
        return f"<grounding>{PREFIX} {instruction.strip()}".strip()


def image_position_mask(length, image_tokens):
    return [1 if 2 <= i < 2 + image_tokens else 0 for i in range(length)]
