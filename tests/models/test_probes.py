from models.training.probes import probe_sentences


def test_the_sentences_are_distinct_varied_and_the_same_every_time() -> None:
    sentences = probe_sentences(400)
    assert len(set(sentences)) == 400
    assert sentences == probe_sentences(400)
    assert sentences != probe_sentences(400, seed=8)
    text = "".join(sentences)
    assert all(sign in text for sign in ("€", "请", "ß", "!!", "😀", "#", "\t"))
    assert "{" not in text.replace("{'id'", "")
