"""A knowledge article: what the concierge may tell guests."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field

from hotelchat.models.base import HotelOwned, created, one_of, utc


class ArticleStatus(StrEnum):
    """Only published articles are told to guests."""

    DRAFT = "draft"
    PUBLISHED = "published"


class KnowledgeArticle(HotelOwned, table=True):
    """One subject of the hotel's own knowledge. Its `search` column is computed by PostgreSQL."""

    __tablename__ = "knowledge_article"

    id: int | None = Field(default=None, primary_key=True)
    title: str
    body: str
    language: str = "en"  # ISO 639-1
    topics: str = ""  # comma-separated words
    status: ArticleStatus = one_of(ArticleStatus, default=ArticleStatus.PUBLISHED)
    created_at: datetime | None = created()
    updated_at: datetime | None = utc(default_now=True)
