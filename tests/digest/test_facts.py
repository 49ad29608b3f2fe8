from __future__ import annotations

import time

import pytest

from bot.conversation import Role
from bot.digest.facts import LONGEST, Kind, facts
from tests.digest.test_brief import customer, message


def found(kind: Kind, text: str, role: Role = Role.CUSTOMER) -> list[str]:
    return [fact.text for fact in facts([message(role, text)]) if fact.kind is kind]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hello, my name is Anna Schmidt. Where is my parcel?", ["Anna Schmidt"]),
        ("My name's Mary-Jane O'Neil", ["Mary-Jane O'Neil"]),
        ("my name is Anna and I wait", ["Anna"]),
        ("Ich heiße Björn Müller und warte.", ["Björn Müller"]),
        ("Mein Name ist Zoe.", ["Zoe"]),
        ("Je m'appelle Élodie Durand", ["Élodie Durand"]),
        ("Me llamo José.", ["José"]),
        ("我叫小雨，订单 12345", ["小雨"]),
        ("我的名字是王小明。", ["王小明"]),
        ("姓名：张三", ["张三"]),
        ("我叫Wei，等了很久", ["Wei"]),
        ("My name is wrong on the label", []),
        ("What is your name?", []),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert found(Kind.NAME, text) == names


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Where is LL48213377?", ["LL48213377"]),
        ("It is #1234.", ["1234"]),
        ("order no. 55512", ["55512"]),
        ("Order number: LL-48213377, please", ["LL-48213377"]),
        ("my order is #1234", ["1234"]),
        ("tracking ID 4821337755", ["4821337755"]),
        ("meine Bestellnummer ist 48213377", ["48213377"]),
        ("Rechnung Nr. 4711", ["4711"]),
        ("pedido número 55512", ["55512"]),
        ("订单号12345", ["12345"]),
        ("订单号：LL48213377，谢谢", ["LL48213377"]),
        ("快递单号是 4821337755", ["4821337755"]),
        ("LL48213377 and LL48213378", ["LL48213377", "LL48213378"]),
        ("order LL48213377, as I said: order LL48213377", ["LL48213377"]),
        ("I have waited for 14 days since 2026-05-01", []),
        ("we were 2024 people", []),
        ("returned within 30 days", []),
    ],
)
def test_order_numbers(text: str, numbers: list[str]) -> None:
    assert found(Kind.ORDER, text) == numbers


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("It came on 2026-05-01.", ["2026-05-01"]),
        ("on 01/05/26 or 1.5.2026", ["01/05/26", "1.5.2026"]),
        ("the 3rd of May 2026", ["3rd of May 2026"]),
        ("May 3rd, 2026 at the latest", ["May 3rd, 2026"]),
        ("between 3 May and August 12", ["3 May", "August 12"]),
        ("on Monday, next friday or tomorrow", ["on Monday", "next friday", "tomorrow"]),
        ("am Montag oder bis Freitag", ["am Montag", "bis Freitag"]),
        ("seit dem 3. März 2026", ["3. März 2026"]),
        ("gestern, nicht am 12. Dezember", ["gestern", "12. Dezember"]),
        ("2026年5月3日下的单", ["2026年5月3日"]),
        ("5月3号到的，下周三要用", ["5月3号", "下周三"]),
        ("明天或者星期天", ["明天", "星期天"]),
        ("I may be late, it is sunny", []),
        ("version 1.5 at 10:30", []),
    ],
)
def test_dates(text: str, dates: list[str]) -> None:
    assert found(Kind.DATE, text) == dates


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("I paid €4.90.", ["€4.90"]),
        ("€ 4 and $5", ["€ 4", "$5"]),
        ("It was £1,299.50, not £12.", ["£1,299.50", "£12"]),
        ("4,90 € zu viel", ["4,90 €"]),
        ("50 euros or 20 EUR or 5 dollars", ["50 euros", "20 EUR", "5 dollars"]),
        ("运费3.95欧元", ["3.95欧元"]),
        ("花了100元，退了50块钱", ["100元", "50块钱"]),
        ("a 5 europe tour for 30 people", []),
    ],
)
def test_amounts(text: str, amounts: list[str]) -> None:
    assert found(Kind.AMOUNT, text) == amounts


@pytest.mark.parametrize(
    "text",
    [
        "I already reset the password twice.",
        "I've tried it on my phone and on my laptop.",
        "i cleared my browser and tried again, same thing",
        "I've sent it twice",
        "Das Passwort habe ich schon zweimal geändert.",
        "Die Nachbarn habe ich bereits gefragt.",
        "密码我已经重置两次了",
        "我试过了，还是一样",
    ],
)
def test_what_the_customer_tried(text: str) -> None:
    assert found(Kind.TRIED, text) == [text]
    assert found(Kind.TRIED, text, Role.AGENT) == []


@pytest.mark.parametrize(
    "text", ["I want to try it.", "Ich habe ein Paket.", "How do I reset it?", "怎么重置密码？"]
)
def test_what_nobody_tried(text: str) -> None:
    assert found(Kind.TRIED, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "I will call you back tomorrow before 5 pm.",
        "I’ll send you the label today.",
        "We'll refund it.",
        "You will hear from me by Friday noon.",
        "我明天下午5点前给您回电话。",
        "退货标签我今天发给您。",
        "周五中午之前我会给您发邮件回复。",
        "我们将为您退款。",
        "Ich rufe Sie morgen vor 17 Uhr zurück.",
        "Ich schicke Ihnen das Etikett noch heute.",
        "Wir werden das prüfen.",
        "Morgen werde ich Sie anrufen.",
        "Ich kümmere mich darum.",
    ],
)
def test_promises_are_an_agents(text: str) -> None:
    assert found(Kind.PROMISE, text, Role.AGENT) == [text]
    assert found(Kind.PROMISE, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "I have checked your order.",
        "You will need the box.",
        "I will not do that.",
        "Hello, this is the team.",
        "我查过您的订单了。",
        "Das war unser Fehler.",
    ],
)
def test_what_is_no_promise(text: str) -> None:
    assert found(Kind.PROMISE, text, Role.AGENT) == []


def test_of_an_agents_message_the_sentences_that_promise() -> None:
    text = "Hello Anna! I see LL48213377.\nI will call you on Monday. Have a nice day!"
    assert [(fact.kind, fact.text) for fact in facts([message(Role.AGENT, text)])] == [
        (Kind.ORDER, "LL48213377"),
        (Kind.DATE, "on Monday"),
        (Kind.PROMISE, "I will call you on Monday."),
    ]


def test_an_agents_name_is_not_the_customers() -> None:
    assert found(Kind.NAME, "My name is Ben.", Role.AGENT) == []


def test_the_bots_own_replies_give_none() -> None:
    text = "My name is Kefu. I will refund €5 for order LL48213377 on Monday. I already tried."
    assert facts([message(Role.ASSISTANT, text)]) == ()


def test_said_twice_is_once_and_rests_on_the_first() -> None:
    said = customer("It is LL48213377, ordered ON MONDAY.")
    again = message(Role.AGENT, "LL48213377, on Monday, for €5?")
    assert [(fact.text, fact.message) for fact in facts([said, again, customer(said.text)])] == [
        ("LL48213377", said.id),
        ("ON MONDAY", said.id),
        ("€5", again.id),
    ]


def test_long_sentences_are_cut_and_stand_on_one_line() -> None:
    (tried,) = found(Kind.TRIED, "I already tried\n" + "this and that " * 100)
    assert len(tried) <= LONGEST
    assert tried.startswith("I already tried this and that")
    assert tried.endswith("…")


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.AGENT])
@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "1" * 100_000,
        "1.," * 100_000,
        "\n" * 1_000_000,
        "-1" * 500_000,
        "A1-" * 100_000,
        "#  " * 100_000,
        "order no " * 100_000,
        "I have reset " * 100_000,
        "habe ich " * 100_000,
        "已经我" * 100_000,
        "My name is A" + " A" * 100_000,
        "I will call you on 3 May for €5, order LL48213377. " * 20_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(text: str, role: Role) -> None:
    began = time.process_time()
    facts([message(role, text)])
    assert time.process_time() - began < 1
