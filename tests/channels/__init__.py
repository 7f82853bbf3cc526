"""WhatsApp as Twilio speaks it."""
