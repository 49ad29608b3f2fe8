"""What can be said of a conversation by rule, so that every line rests on messages that can be
named."""
