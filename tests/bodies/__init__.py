"""Twilio's request bodies, each naming its source."""
