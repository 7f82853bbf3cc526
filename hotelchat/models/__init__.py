"""One table a file, with the rules that need only its row."""

from hotelchat.models.base import HotelOwned
from hotelchat.models.conversation import Concierge, Conversation, Reason, Status, service_window_closes_at
from hotelchat.models.guest import Guest, GuestIdentity, IdentityKind
from hotelchat.models.hotel import Hotel
from hotelchat.models.knowledge_article import ArticleStatus, KnowledgeArticle
from hotelchat.models.message import Author, Delivery, Direction, Kind, Message, MessageEvent
from hotelchat.models.user import Membership, Role, User, UserSession

__all__ = [
    "ArticleStatus", "Author", "Concierge", "Conversation", "Delivery", "Direction", "Guest", "GuestIdentity",
    "Hotel", "HotelOwned", "IdentityKind", "Kind", "KnowledgeArticle", "Membership", "Message", "MessageEvent",
    "Reason", "Role", "Status", "User", "UserSession", "service_window_closes_at",
]  # fmt: skip
