"""Slack: Socket Mode or HTTP events in, threads out."""
