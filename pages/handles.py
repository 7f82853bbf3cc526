"""The stable `data-testid` names of INTERFACE.md, each written once."""

from __future__ import annotations

from typing import Final

LOGIN_EMAIL: Final = "login-email"
LOGIN_PASSWORD: Final = "login-password"
LOGIN_SUBMIT: Final = "login-submit"
LOGIN_ERROR: Final = "login-error"
CONVERSATION_LIST: Final = "conversation-list"
CONVERSATION_ROW: Final = "conversation-row"
FILTER: Final = "filter-"  # and the view's name
SEARCH: Final = "search"
THREAD: Final = "thread"
MESSAGE: Final = "message"
COMPOSER: Final = "composer"
SEND: Final = "send"
NOTE_TOGGLE: Final = "note-toggle"
AI_TOGGLE: Final = "ai-toggle"
TAKE_OVER: Final = "take-over"
ASSIGN: Final = "assign"
RESOLVE: Final = "resolve"
REOPEN: Final = "reopen"
GUEST_PANEL: Final = "guest-panel"
CONNECTION_STATE: Final = "connection-state"
PHONE_INPUT: Final = "phone-input"
PHONE_SEND: Final = "phone-send"
PHONE_MESSAGE: Final = "phone-message"
# our own, beside those of INTERFACE.md
RETRY: Final = "retry"
SIGN_OUT: Final = "sign-out"
NOTICE: Final = "notice"
