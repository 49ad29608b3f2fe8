from __future__ import annotations

import subprocess
import sys

import pytest

from bot.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long do I have to return shoes?", "en"),
        ("lamp arrived broken, refund please", "en"),
        ("Kann ich Schuhe zurückgeben?", "de"),
        ("Où est ma commande ?", "fr"),
        ("¿Cuánto cuesta el envío?", "es"),
        ("gdzie jest moja paczka", "pl"),
        ("đơn hàng của tôi ở đâu", "vi"),
        ("退货", "zh"),
        ("返品の方法を教えてください", "ja"),
        ("キャンセル", "ja"),
        ("주문은 어디에 있나요", "ko"),
        ("где мой заказ", "ru"),
        ("Де моє замовлення? Я чекаю вже тиждень", "uk"),
        ("أين طلبي", "ar"),
        ("סטטוס הזמנה", "he"),
        ("สถานะคำสั่งซื้อของฉัน", "th"),
        ("Πού είναι η παραγγελία", "el"),
        ("मेरा ऑर्डर कहाँ है?", "hi"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect_language(text, default="xx") == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我的 iPhone 15 Pro Max 订单在哪里", "zh"),
        ("怎么退 Lantern Loom Ombra Pro Max", "zh"),
        ("优の品在哪里", "zh"),
        ("How do I return 鞋子 to the shop?", "en"),
    ],
)
def test_mixed_scripts(text: str, language: str) -> None:
    assert detect_language(text, default="xx") == language


@pytest.mark.parametrize(
    "text", ["", "  \n", "😀 123", "ok", "Hallo", "refund pls", "L-2045", "\0"]
)
def test_what_cannot_be_told_is_the_default(text: str) -> None:
    assert detect_language(text) == "en"
    assert detect_language(text, default="zh") == "zh"


def test_shouting_is_read_too() -> None:
    assert detect_language("WO IST MEINE BESTELLUNG") == "de"


def test_a_megabyte() -> None:
    assert detect_language("möchte zurückgeben " * 60_000) == "de"


def test_import_is_light() -> None:
    code = "import sys, bot.language; print(sorted({'py3langid', 'numpy'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]", loaded.stderr
