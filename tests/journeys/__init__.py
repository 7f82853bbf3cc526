"""Whole walks, from a guest's phone to an agent's screen and back: real processes, a real browser, no mocks."""
