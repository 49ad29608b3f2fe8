"""What becomes of all that Slack sends: committed to the store, then acknowledged."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_bolt.response import BoltResponse

from bot.adapters.slack.blocks import escape
from bot.adapters.slack.calls import FAULTS
from bot.adapters.slack.events import (
    CHANNEL,
    Edited,
    Said,
    is_farewell,
    place_parts,
    position_of,
    understood,
)
from bot.adapters.slack.interactions import Pressed, Remarked, Typed, pressed, remarked, typed
from bot.adapters.slack.origin import Origin, origin_of
from bot.adapters.slack.overheard import Overheard
from bot.adapters.slack.status import help_lines, report_lines, status_lines
from bot.adapters.slack.surfaces import (
    HELPFUL,
    PERSON,
    THANKS,
    home_view,
    label_of_person,
    remark_form,
)
from bot.adapters.slack.workspaces import NotInstalled, Workspaces
from bot.delivery import Incoming, Place, Postponed
from bot.desk import Desk
from bot.errors import StoreError, UnknownMessage
from bot.hours import ALWAYS_OPEN, BusinessHours
from bot.store import Store
from bot.text import printable

_LONGEST_ECHO = 500
_REMEMBERED = 10_000
_logger = logging.getLogger("kefu")


@dataclass(frozen=True, slots=True)
class Business:
    name: str = "kefu"
    hours: BusinessHours = ALWAYS_OPEN


class Reception:
    """`desk` and `store` are of one database."""

    def __init__(
        self,
        desk: Desk,
        store: Store,
        workspaces: Workspaces,
        business: Business | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._desk, self._store, self._workspaces = desk, store, workspaces
        self._business = business or Business()
        self._clock = clock
        self._overheard = Overheard()
        self._ours: OrderedDict[Place, None] = OrderedDict()
        """Places of which it is known that they are kefu's, or are becoming so; the latest last."""
        self._later: set[asyncio.Task[None]] = set()

    async def received(self, body: Mapping[str, Any]) -> BoltResponse | None:
        """The acknowledgement; None for what is not for kefu. Anything but 200 makes Slack send it
        again."""
        try:
            return await self._received(body)
        except StoreError as error:
            _logger.error("an event was not taken in, and not acknowledged: %s", error)
            return BoltResponse(status=503)

    async def _received(self, body: Mapping[str, Any]) -> BoltResponse | None:
        kind, origin = body.get("type"), origin_of(body)
        if kind == "event_callback":
            await self._happened(body, origin)
        elif kind not in ("block_actions", "view_submission") and "command" not in body:
            return None
        elif await self._workspaces.bot_user(origin.team, origin.organisation) is None:
            _logger.warning("kefu is not installed in the Slack workspace %r", origin.team)
        elif kind == "block_actions":
            if press := pressed(body):
                await self._pressed(press)
        elif kind == "view_submission":
            if remark := remarked(body):
                await self._remarked(remark)
        else:
            return _told(await self._typed(typed(body)))
        return BoltResponse(status=200)

    async def _happened(self, body: Mapping[str, Any], origin: Origin) -> None:
        event = body.get("event")
        if not isinstance(event, Mapping):
            return
        if is_farewell(event):
            if await self._workspaces.forget(origin.installation, _until(body)):
                told = "kefu was uninstalled from the Slack workspace %r"
                _logger.warning(told, origin.installation)
        elif bot_user := await self._workspaces.bot_user(origin.team, origin.organisation):
            if event.get("type") != "app_home_opened":
                await self.take({**body, "team_id": origin.team}, bot_user)
            elif event.get("tab") == "home":
                self._in_a_while(self._show_home(origin.team, str(event.get("user"))))

    async def take(self, body: Mapping[str, Any], bot_user: str) -> None:
        """A message, if it is one and for us."""
        found = understood(body, bot_user)
        if found is None:
            return
        inbox, message = self._store.inbox, found.message
        if not (found.is_addressed or await self._is_ours(message.place)):
            if isinstance(found, Said) and not message.place.key.endswith(message.position):
                self._overheard.add(message)
        elif isinstance(found, Said):
            self._remember(message.place)  # what comes meanwhile need not look it up
            try:
                await self._desk.take_in(message)
            except BaseException:
                self._ours.pop(message.place, None)
                raise
            for earlier in self._overheard.taken_from(message.place):
                await self._desk.take_in(earlier)
        elif isinstance(found, Edited):
            await self._desk.edit(message, is_addressed=found.is_addressed)
        else:
            await inbox.delete(message)

    async def _is_ours(self, place: Place) -> bool:
        """Looked up once: many messages come at a time, and each look costs what storing does."""
        if place in self._ours:
            return True
        if not await self._store.inbox.knows(place):
            return place in self._ours  # its first message may have come meanwhile
        self._remember(place)
        return True

    def _remember(self, place: Place) -> None:
        self._ours[place] = None
        if len(self._ours) > _REMEMBERED:
            self._ours.popitem(last=False)

    async def _pressed(self, press: Pressed) -> None:
        place = await self._place_of(press.message, press.team)
        if place is None:
            return
        press = replace(press, team=place_parts(place.key)[0])
        language = await self._store.log.language_of(press.message)
        if press.action == PERSON:
            await self._desk.take_in(
                Incoming(
                    place=place,
                    event=f"{press.team}/{press.channel}/{press.ts}/{press.user}",
                    position=position_of(press.ts),
                    customer=f"{press.team}/{press.user}",
                    text=label_of_person(language),
                )
            )
            return
        is_helpful = press.action == HELPFUL
        customer = f"{press.team}/{press.user}"
        await self._store.feedback.give(press.message, customer, helpful=is_helpful)
        if is_helpful:
            self._in_a_while(self._thank(press, language))
        else:
            self._in_a_while(self._ask_why(press, language))

    async def _remarked(self, remark: Remarked) -> None:
        place = await self._place_of(remark.message, remark.team)
        if place is not None:
            customer = f"{place_parts(place.key)[0]}/{remark.user}"
            await self._store.feedback.give(
                remark.message, customer, helpful=False, remark=remark.text
            )

    async def _place_of(self, message: str, team: str) -> Place | None:
        """Of a reply of that workspace's, or of one in the organisation that is named instead."""
        place = await self._store.outbox.place_of(message)
        if place is None or place.channel != CHANNEL:
            return None
        there = place_parts(place.key)[0]
        is_theirs = there == team or (team and await self._workspaces.organisation(there) == team)
        return place if is_theirs else None

    async def _typed(self, given: Typed | None) -> str:
        if given is None:
            return "\n".join(help_lines())
        customers = f"{given.team}/"
        figures = self._store.figures
        if given.verb == "ask" and given.rest:
            await self._desk.take_in(
                Incoming(
                    place=Place(
                        CHANNEL, f"{given.team}/{given.channel}/@{given.user}.{given.trigger}"
                    ),
                    event=f"{given.team}/{given.channel}/{given.trigger}",
                    position=f"{time.time():017.6f}",
                    customer=f"{given.team}/{given.user}",
                    text=given.rest,
                )
            )
            return f"> {_one_line(given.rest)}"
        if given.verb == "status":
            now = await figures.now(CHANNEL, customers)
            return "\n".join(status_lines(now, self._business.hours, self._clock()))
        if given.verb == "report":
            midnight = self._business.hours.midnight(self._clock())
            since = await figures.since(midnight, CHANNEL, customers)
            return "\n".join(report_lines(since, midnight))
        return "\n".join(help_lines())

    async def _show_home(self, team: str, user: str) -> None:
        now = await self._store.figures.now(CHANNEL, f"{team}/")
        lines = status_lines(now, self._business.hours, self._clock())
        view = home_view(self._business.name, lines)
        await self._call(team, "views.publish", {"user_id": user, "view": view})

    async def _thank(self, press: Pressed, language: str | None) -> None:
        told = {
            "channel": press.channel,
            "user": press.user,
            "thread_ts": press.thread,
            "text": THANKS.get(language or "en", THANKS["en"]),
        }
        await self._call(press.team, "chat.postEphemeral", told)

    async def _ask_why(self, press: Pressed, language: str | None) -> None:
        form = remark_form(press.message, language)
        await self._call(press.team, "views.open", {"trigger_id": press.trigger, "view": form})

    async def _call(self, team: str, method: str, arguments: Mapping[str, Any]) -> None:
        """A courtesy: nothing depends on it, and it is not tried again."""
        try:
            await (await self._workspaces.web(team)).api_call(method, json=dict(arguments))
        except (*FAULTS, NotInstalled, Postponed) as error:
            _logger.warning("%s failed: %r", method, error)

    def _in_a_while(self, work: Awaitable[None]) -> None:
        """Not before the acknowledgement."""
        task = asyncio.ensure_future(_quietly(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except (StoreError, UnknownMessage) as error:
        _logger.warning("%s", error)


def _until(body: Mapping[str, Any]) -> datetime:
    """An installation that is younger is another one. Slack tells the whole second, and its clock
    may be behind ours."""
    told = body.get("event_time")
    at = told if isinstance(told, int) and 0 < told < 10**11 else time.time()
    return datetime.fromtimestamp(at, UTC) + timedelta(seconds=2)


def _told(text: str) -> BoltResponse:
    body = json.dumps({"response_type": "ephemeral", "text": text})
    return BoltResponse(status=200, body=body, headers={"Content-Type": "application/json"})


def _one_line(text: str) -> str:
    return escape(printable(" ".join(text.split()))[:_LONGEST_ECHO])
