"""A stand-in for Slack that loses, repeats and delays, and refuses what Slack would refuse."""

from tests.e2e.slack_server.server import Faults, SlackServer

__all__ = ["Faults", "SlackServer"]
