"""A real server, and a faulty network in front of it."""
