"""The chat template of a model: messages in, a prompt out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import jinja2
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from bot.engine import thinking
from bot.engine.prompt import Prompt
from bot.errors import ModelError

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_MARK = re.compile("\ue000(\\d+)\ue001")
# What jinja raises for a broken or picky template; ValueError comes from `raise_exception` in it.
_ERRORS = (jinja2.TemplateError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class ChatTurn:
    role: str
    """system, user, assistant or tool."""
    content: str


class ChatTemplate:
    """The template sees marks in place of the contents, which are put in afterwards.

    So nothing that a customer types is read by the template, or tokenized as part of it. Models
    that think before they answer are asked not to.
    """

    def __init__(self, source: str | None, *, bos: str, eos: str) -> None:
        self.warning: str | None = None
        try:
            self._format = Jinja2ChatFormatter(source or CHATML, eos_token=eos, bos_token=bos)
        except jinja2.TemplateError as error:
            self.warning = f"the model's chat template is broken ({error}); ChatML is used instead"
            self._format = Jinja2ChatFormatter(CHATML, eos_token=eos, bos_token=bos)

    def render(self, turns: Sequence[ChatTurn]) -> Prompt:
        try:
            return self._rendered(turns)
        except _ERRORS:
            pass  # some templates know no system role, or take turns strictly by turns
        try:
            return self._rendered(_alternating(turns))
        except _ERRORS as error:
            reason = " ".join(str(error).split())
            raise ModelError(
                f"the model's chat template cannot show these messages: {reason}; "
                "choose another model"
            ) from error

    def _rendered(self, turns: Sequence[ChatTurn]) -> Prompt:
        messages = [
            {"role": turn.role, "content": _marked(number, turn.content)}
            for number, turn in enumerate(turns)
        ]
        text = thinking.closed(self._format(messages=messages, enable_thinking=False).prompt)
        pieces = _MARK.split(text)  # template, number, template, number, template...
        parts = [(pieces[0], True)]
        for number, after in zip(pieces[1::2], pieces[2::2], strict=True):
            content = turns[int(number)].content
            lead = content[: len(content) - len(content.lstrip())]
            before = parts.pop()[0]
            if lead and before.endswith(lead):  # the template did not trim it
                before = before.removesuffix(lead)
            else:
                lead = ""
            trail = content[len(content.rstrip()) :]
            if not after.startswith(trail):
                trail = ""
            parts += [
                (before, True),
                (lead + content.strip() + trail, False),
                (after.removeprefix(trail), True),
            ]
        return Prompt(parts)


def _marked(number: int, content: str) -> str:
    """The whitespace stays outside, where templates look for it."""
    core = content.strip()
    return content.replace(core, f"\ue000{number}\ue001", 1) if core else content


def _alternating(turns: Sequence[ChatTurn]) -> list[ChatTurn]:
    """System text moved to the first message, neighbours of one role joined."""
    joined: list[ChatTurn] = []
    for turn in turns:
        turn = replace(turn, role="assistant" if turn.role == "assistant" else "user")
        if joined and joined[-1].role == turn.role:
            joined[-1] = replace(turn, content=f"{joined[-1].content}\n\n{turn.content}")
        else:
            joined.append(turn)
    return joined
