"""The few things only a browser can do, as expressions of a line or two; never state, never rendering."""

from __future__ import annotations

import json
from typing import Final

from pages import handles

_COMPOSER: Final = f"document.querySelector('[data-testid={handles.COMPOSER}]')"
# What is in the composer goes out with a key that stays until the server has stored it, over a reload too: pressed twice,
# it is one message; with the connection lost, the text stays where it is. The note's tint travels along, as its writer
# saw it; and a note's draft is kept apart from a reply's, so that it never comes back as one.
_KIND: Final = "(t.closest('.hc-composer.is-note') ? 'note:' : 'draft:') + t.dataset.conversation"
_GIVE: Final = (
    "if (t.value.trim() && window.socket?.connected && (!t.dataset.key || t.value === t.dataset.sent)) {"
    " t.dataset.key ||= Math.random().toString(36).slice(2) + Date.now(); t.dataset.sent = t.value;"
    " sessionStorage.setItem('given:' + t.dataset.conversation, JSON.stringify([t.dataset.key, t.value]));"
    " emit(t.value, t.dataset.key, t.dataset.conversation, !!t.closest('.hc-composer.is-note')); }"
)
_FORGET: Final = "delete t.dataset.key; sessionStorage.removeItem('given:' + t.dataset.conversation);"
SEND_ON_ENTER: Final = f"(e) => {{ if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) {{ e.preventDefault(); const t = e.target; {_GIVE} }} }}"
SEND_ON_CLICK: Final = f"() => {{ const t = {_COMPOSER}; {_GIVE} t.focus(); }}"
KEEP_DRAFT: Final = (
    f"(e) => {{ const t = e.target; if (!t.value.startsWith(t.dataset.sent || '')) {{ {_FORGET} }}"
    f" sessionStorage.setItem({_KIND}, t.value); }}"
)
EMIT_VALUE: Final = "(e) => emit(e.target.value)"
RETRY_ON_CLICK: Final = "(e) => { const r = e.target.closest('[data-retry]'); r && emit(r.dataset.retry); }"
SUBMIT_FORM: Final = "(e) => { e.preventDefault(); const f = new FormData(e.target); emit(f.get('email') || '', f.get('password') || ''); }"
SUBMIT_PHONE: Final = (
    "(e) => { e.preventDefault(); const t = e.target.querySelector('input');"
    " if (t.value.trim() && window.socket?.connected) { emit(t.value); t.value = ''; } }"
)
# The state of the connection, kept by the socket's own events on the body and in its handle.
WATCH_CONNECTION: Final = (
    "(() => { if (window.hcWatched) return; window.hcWatched = true; let timer;"
    f" const put = (s, w) => {{ const e = document.querySelector('[data-testid={handles.CONNECTION_STATE}]');"
    " document.body.dataset.connection = s; if (e) { e.dataset.state = s; e.textContent = w; } };"
    " window.socket.on('disconnect', () => { put('reconnecting', 'Reconnecting');"
    " clearTimeout(timer); timer = setTimeout(() => put('offline', 'Offline'), 10000); });"
    " window.socket.on('connect', () => { clearTimeout(timer); put('live', 'Live'); }); put('live', 'Live'); })()"
)


def composer_sent(key: str) -> str:
    """The server has stored what was given with this key: take it out of the box, leave what was typed since."""
    return (
        f"(t => {{ if (t?.dataset.key !== {json.dumps(key)}) return; const s = t.dataset.sent || '';"
        f" if (t.value.startsWith(s)) t.value = t.value.slice(s.length); {_FORGET}"
        f" sessionStorage.setItem({_KIND}, t.value); }})({_COMPOSER})"
    )


def composer_refused(key: str) -> str:
    """What was given with this key was not stored: it may be changed and given again."""
    return f"(t => {{ if (t?.dataset.key === {json.dumps(key)}) {{ {_FORGET} }} }})({_COMPOSER})"


def composer_opened(conversation_id: int) -> str:
    """Another conversation is before the agent: its draft into the box, its newest message into view."""
    return (
        f"(t => {{ if (!t) return; delete t.dataset.key; t.value = sessionStorage.getItem('draft:{conversation_id}') || '';"
        f" const g = JSON.parse(sessionStorage.getItem('given:{conversation_id}') || '[]');"
        " if (g[1] && g[1] === t.value) [t.dataset.key, t.dataset.sent] = g;"
        f" document.querySelector('[data-testid={handles.THREAD}]')?.scrollTo(0, 0); }})({_COMPOSER})"
    )


def composer_turned(*, is_note: bool) -> str:
    """Between reply and note: what is in the box goes along, into an empty one comes what was begun there."""
    before, now = ("draft:", "note:") if is_note else ("note:", "draft:")
    return (
        f"(t => {{ const c = t.dataset.conversation; {_FORGET} if (t.value) sessionStorage.removeItem('{before}' + c);"
        f" else t.value = sessionStorage.getItem('{now}' + c) || '';"
        f" sessionStorage.setItem('{now}' + c, t.value); t.focus(); }})({_COMPOSER})"
    )


def title(text: str) -> str:
    """The words on the browser's tab."""
    return f"document.title = {json.dumps(text)}"


def go(path: str) -> str:
    """Load a page of ours, whole."""
    return f"location.assign({json.dumps(path)})"
