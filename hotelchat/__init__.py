"""HotelChat: the guest-messaging desk for hotels."""
