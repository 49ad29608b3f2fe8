"""A tiny decoder of the pretrained one's kind, and its vocabulary."""

from __future__ import annotations

import json

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from models.training.chatml import SPECIAL
from models.training.pretrained import Pretrained, Shape
from models.training.vocabulary import Vocabulary, pieces_of

TEXTS = (
    "Shoes can be returned within sixty days of delivery, lamps within thirty.",
    "How long do I have to return the shoes that you sent me in May 2024?",
    "The parcel is returned to the shop when nobody takes it: we send it again.",
    "Returns are free; sending a parcel to the islands costs 4.95 euros.",
)
CHINESE = (
    "鞋子可在送达后60天内退货，灯具可在30天内退货。",
    "请问退货要多少天？退货的鞋子要用原盒。",
)


def whole_vocabulary(size: int = 420) -> Vocabulary:
    """As a pretrained one: learnt on English, one digit at a time."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return Vocabulary(pieces_of(tokenizer), [(first, second) for first, second in merges])


def tiny_shape(vocabulary: int, depth: int = 2) -> Shape:
    return Shape(
        depth=depth,
        width=64,
        feed_forward=96,
        heads=4,
        key_heads=2,
        vocabulary=vocabulary,
        rope_base=10_000.0,
        epsilon=1e-5,
    )


def random_model(shape: Shape, seed: int = 1) -> Pretrained:
    torch.manual_seed(seed)
    model = Pretrained(shape)
    for name, weight in model.named_parameters():
        if weight.dim() == 2:
            torch.nn.init.normal_(weight, std=0.5 if "embedding" in name else 0.2)
        else:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return model.eval()
