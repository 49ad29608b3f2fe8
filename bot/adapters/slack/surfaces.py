"""What customers press and see beside the replies: buttons, the form behind one, the app's home."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.adapters.slack.blocks import Block, escape
from bot.conversation import SMALL_TALK, Message, ReplyStatus, Role
from bot.store.feedback import LONGEST_REMARK
from bot.text import printable

HELPFUL, UNHELPFUL, PERSON = "kefu_helpful", "kefu_unhelpful", "kefu_person"
"""The `action_id` of each button; its value is the id of the reply."""
REMARK = "kefu_remark"
"""The `callback_id` of the form, and the ids of its block and its input."""

_LABELS = {
    "en": ("👍 Helpful", "👎 Not helpful", "Talk to a person"),
    "zh": ("👍 有帮助", "👎 没帮助", "转人工客服"),
    "de": ("👍 Hilfreich", "👎 Nicht hilfreich", "Mit einem Menschen sprechen"),
    "fr": ("👍 Utile", "👎 Pas utile", "Parler à une personne"),
    "es": ("👍 Útil", "👎 No me ayuda", "Hablar con una persona"),
}
THANKS = {
    "en": "Thank you, that helps us.",
    "zh": "谢谢您的反馈。",
    "de": "Danke, das hilft uns.",
    "fr": "Merci, cela nous aide.",
    "es": "Gracias, eso nos ayuda.",
}
_ASKED = {
    "en": ("What was missing?", "Send", "Cancel", "Your remark"),
    "zh": ("缺少了什么？", "发送", "取消", "您的意见"),
    "de": ("Was hat gefehlt?", "Senden", "Abbrechen", "Ihre Anmerkung"),
    "fr": ("Que manquait-il ?", "Envoyer", "Annuler", "Votre remarque"),
    "es": ("¿Qué faltaba?", "Enviar", "Cancelar", "Su comentario"),
}


def label_of_person(language: str | None) -> str:
    """What is said by pressing that button."""
    return _LABELS.get(language or "en", _LABELS["en"])[2]


def buttons_of(message: Message) -> list[Block]:
    """Under what the bot answered, and under nothing else."""
    is_answer = message.status in (ReplyStatus.ANSWERED, ReplyStatus.UNKNOWN)
    if message.role is not Role.ASSISTANT or not is_answer or message.rule == SMALL_TALK:
        return []
    labels = _LABELS.get(message.language or "en", _LABELS["en"])
    buttons = [
        {
            "type": "button",
            "action_id": action,
            "text": {"type": "plain_text", "text": label, "emoji": True},
            "value": message.id,
        }
        for action, label in zip((HELPFUL, UNHELPFUL, PERSON), labels, strict=True)
    ]
    return [{"type": "actions", "elements": buttons}]


def remark_form(message_id: str, language: str | None) -> dict[str, Any]:
    """A modal that asks what was missing."""
    title, send, cancel, label = _ASKED.get(language or "en", _ASKED["en"])
    return {
        "type": "modal",
        "callback_id": REMARK,
        "private_metadata": message_id,
        "title": _plain(title),
        "submit": _plain(send),
        "close": _plain(cancel),
        "blocks": [
            {
                "type": "input",
                "block_id": REMARK,
                "optional": True,
                "label": _plain(label),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REMARK,
                    "multiline": True,
                    "max_length": LONGEST_REMARK,
                },
            }
        ],
    }


def home_view(business: str, lines: Sequence[str]) -> dict[str, Any]:
    """`lines`: how things stand."""
    about = (
        f"I answer questions from the help pages of {business}, with their sources, and call a "
        "person when one is needed. Mention me in a channel, write to me under *Messages*, or "
        "type `/kefu ask` and your question."
    )
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": _plain(printable(business)[:150] or "kefu")},
            _section(escape(about)),
            {"type": "divider"},
            *(_section(escape(printable(line))) for line in lines),
        ],
    }


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}
