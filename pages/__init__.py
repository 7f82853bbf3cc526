"""The screens, rendered entirely in Python over NiceGUI's websocket."""
