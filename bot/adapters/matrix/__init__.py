"""Matrix: a homeserver's sync in, rooms and threads out."""
