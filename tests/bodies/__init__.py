"""Twilio's request bodies, each naming its source, with what the hotel should make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BODIES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(__file__).parent.glob("*.json"))
}
