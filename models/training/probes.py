"""Varied sentences to compare two encoders on, or two tokenizers: made from pieces and a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

WHO = "I|we|my sister|the courier|your shop|our office|the woman at the desk|nobody|Dr. O'Neil|"
WHO += "a colleague in Zürich|the ACME Corp.|customers like me|the landlord|their support team"
DID = "ordered|returned|never received|is still waiting for|cannot find|would love to exchange|"
DID += "paid twice for|cancelled|photographed|recommends|unwrapped|re-sent|has been charged for|"
DID += "didn't even open|wants to insure|complained about"
WHAT = "the blue kettle|two pairs of running shoes|a gift card|an e-mail receipt|order no. 48-2291|"
WHAT += "the waterproof jacket (size XL)|a 27\" monitor|the café table|Beyoncé's new record|"
WHAT += "last month's invoice|a naïve-looking lamp|the anti-virus licence|sixteen paper lanterns|"
WHAT += "the subscription|some photosynthesis textbooks|a pre-owned MacBook|the wool rug"
WHEN = "yesterday|on 3 March 2024|at 7:45 a.m.|since last Tuesday|within 14 days|before Christmas|"
WHEN += "twice this week|in the middle of the night|three weeks ago|after the storm|on 2023-11-05"
ADD = "and nobody answers|because the zip is broken|which is wonderful|although the page says no|"
ADD += "so what now|for €1,299.50|at 15 % off|with free delivery|despite the warranty|as promised|"
ADD += "but the tracking number RX123456789DE shows nothing|if that's still possible|via PayPal"
ASK = "How long do I have to return {what}?|Where is {what}?|Can {who} pay for {what} by invoice?|"
ASK += "Is {what} covered by the warranty, or not?|What happens when {who} {did} {what}?|"
ASK += "Could you send {what} to a parcel locker {when}?|Why was {what} delivered {when}?"

FIGURES = (
    "Total: ${a}.{b} (incl. {c} % VAT), due {d}/{c}/20{b}.",
    "#{a}-{b} | {c} × {d} = {a}{d}; see §{c}.{d}",
    "call +{c} ({a}) {b}-{d}{d}{d}, ext. {c}",
    "{a},{b}{c} km/h @ {d} °C… 1/{c} of {a}?!",
    "https://example.com/orders/{a}?item={b}&size={c}#track_{d}",
    "mail jane.doe+{a}@example.co.uk about SKU_{b}{c}-X{d}",
    "IBAN DE{b} {a}0 {a}4 {a}7, £{d}.{b} -- refunded***",
    "{{'id': {a}, 'qty': {c}, \"ok\": [true, null, {d}.{b}e-3]}}",
    "v{c}.{d}.{b}-beta_{a} <b>bold</b> & 'quotes' “curly” ‘too’ «et» — dash",
)
ELSEWHERE = (
    "Wo bleibt meine Bestellung vom {c}. Mai, die Größe ist {d}|Ich möchte {b} Hemden zurückgeben|"
    "Où est mon colis n° {a} ? J'ai déjà payé {b},{c} €|La livraison était très rapide, merci|"
    "¿Cuánto tarda el envío a España? Pedí {c} lámparas|Quiero devolver el artículo número {a}|"
    "Não recebi o reembolso de R$ {b},{c} ainda|Quando arriva il mio pacco? È tardi, {d} ore|"
    "Waar is mijn pakket {a}? Ik wacht al {d} dagen|Gdzie jest moja paczka nr {a}? Dziękuję|"
    "Siparişim {c} gündür gelmedi, iade istiyorum|Jag vill byta tröjan mot storlek {b}|"
    "Где мой заказ {a}? Жду уже {d} дней|Πού είναι η παραγγελία μου {a};|"
    "请问订单{a}什么时候发货？已经等了{d}天|退款{b}元还没到账，客服电话打不通|鞋子尺码{c}号可以换吗|"
    "注文{a}の商品がまだ届きません。|أين طلبي رقم {a}؟ لم يصل بعد|איפה ההזמנה שלי {a}?|"
    "मेरा ऑर्डर {a} कहाँ है|Đơn hàng {a} của tôi đâu rồi|คำสั่งซื้อ {a} อยู่ที่ไหน"
)
EMOJI = "😀|😡😡|👍🏽|🎉|💔|🙏|🚚💨|🤷‍♀️|❤️|😂|:-)|:(|<3|¯\\_(ツ)_/¯|✨|👨‍👩‍👧|🇩🇪|✅"


def probe_sentences(count: int, seed: int = 7) -> list[str]:
    """Distinct sentences: two thirds plain English, the rest figures, languages, emoji, noise."""
    dice = random.Random(seed)
    makers: list[Callable[[random.Random], str]] = [
        *[english] * 10,
        figures,
        elsewhere,
        elsewhere,
        emoji,
        noise,
    ]
    sentences: dict[str, None] = {}
    while len(sentences) < count:
        sentences[makers[len(sentences) % len(makers)](dice)] = None
    return list(sentences)


def one(dice: random.Random, pieces: str) -> str:
    return dice.choice(pieces.split("|"))


def english(dice: random.Random) -> str:
    who, did, what = one(dice, WHO), one(dice, DID), one(dice, WHAT)
    if dice.random() < 0.3:
        return one(dice, ASK).format(who=who, did=did, what=what, when=one(dice, WHEN))
    said = f"{who} {did} {what} {one(dice, WHEN)}, {one(dice, ADD)}{dice.choice('.!?…')}"
    return said[0].upper() + said[1:] if dice.random() < 0.7 else said


def figures(dice: random.Random) -> str:
    return fill(dice, dice.choice(FIGURES))


def elsewhere(dice: random.Random) -> str:
    return fill(dice, one(dice, ELSEWHERE))


def emoji(dice: random.Random) -> str:
    signs = "".join(dice.choices(EMOJI.split("|"), k=dice.randint(1, 3)))
    return f"{signs} {english(dice)}" if dice.random() < 0.3 else f"{english(dice)} {signs}"


def noise(dice: random.Random) -> str:
    """Capitals, repeated letters and marks, several sentences, missing spaces."""
    text = " ".join(english(dice) for _ in range(dice.randint(1, 6)))
    changes: list[Callable[[str], str]] = [
        str.upper,
        lambda t: t.replace("o", "ooo", 3) + "!!!!",
        lambda t: t.replace(" ", "  \t").replace(",", "\n"),
        lambda t: t.replace(" ", "", 4).replace(".", "..."),
    ]
    return dice.choice(changes)(text)


def fill(dice: random.Random, template: str) -> str:
    a, b, c, d = (dice.randint(*span) for span in ((100, 999), (10, 99), (1, 12), (2, 9)))
    return template.format(a=a, b=b, c=c, d=d)
