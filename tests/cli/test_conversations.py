from pathlib import Path

from tests.cli.conftest import Kefu


def test_list_show_search_and_hand_back(kefu: Kefu, sample_home: Path) -> None:
    asked = kefu("ask", "I want to talk to a human about 退货", "--json").json
    (listed,) = kefu("conversations", "list", "--json").json
    assert listed["id"] == asked["conversation"]
    assert listed["state"] == "handed_off"
    assert listed["messages"] == 2
    (hit, *_) = kefu("conversations", "search", "退货", "--json").json
    assert hit["conversation"] == asked["conversation"]
    given_back = kefu("conversations", "hand-back", asked["conversation"][-8:])
    assert given_back.status == 0
    assert "the assistant answers again in 'I want to talk" in given_back.err
    shown = kefu("conversations", "show", asked["conversation"], "--json").json
    assert shown["state"] == "open"
    assert shown["messages"][1]["rule"] == "asked for a person"
    in_words = kefu("conversations", "show", asked["conversation"]).out
    assert "talk to a human" in in_words


def test_an_empty_log(kefu: Kefu) -> None:
    assert kefu("conversations", "list", "--json").json == []
    assert "no conversations yet" in kefu("conversations", "list").err


def test_an_unknown_conversation(kefu: Kefu) -> None:
    for command in ("show", "hand-back"):
        ran = kefu("conversations", command, "01a20ab55ad77702")
        assert ran.status == 1
        assert "01a20ab55ad77702" in ran.err


def test_a_query_is_never_syntax(kefu: Kefu, sample_home: Path) -> None:
    assert kefu("conversations", "search", '" OR 1=1 NEAR( *', "--json").status == 0


def test_what_a_customer_wrote_cannot_steer_the_terminal(kefu: Kefu, sample_home: Path) -> None:
    asked = kefu("ask", "\u202egnirts\u202c \x9b2J hello", "--json")
    place = asked.json["conversation"]
    for arguments in (("show", place), ("show", place, "--json"), ("list",), ("list", "--json")):
        out = kefu("conversations", *arguments).out
        assert "gnirts" in out
        assert not set("\u202e\u202c\x9b") & set(out)
    (message, _) = kefu("conversations", "show", place, "--json").json["messages"]
    assert message["text"] == "\u202egnirts\u202c \x9b2J hello", "JSON loses nothing"


def test_an_absurd_limit_is_wrong_usage(kefu: Kefu) -> None:
    assert kefu("conversations", "list", "--limit", "9" * 20).status == 2
