"""The hotel's knowledge for one question: everything where it fits, else what PostgreSQL's full text ranks best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from hotelchat.models import ArticleStatus, KnowledgeArticle


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What the concierge reads of an article; `score` 0 where nothing was searched."""

    id: int
    title: str
    body: str
    language: str
    score: float = 0.0


def size(session: Session, hotel_id: int) -> int:
    """Bytes of all published articles, which decides whether they go into the prompt whole."""
    found = session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(sa.func.octet_length(KnowledgeArticle.title + KnowledgeArticle.body)), 0)
        ).where(*_published(hotel_id))
    ).scalar_one()
    return int(found)


def everything(session: Session, hotel_id: int) -> list[Article]:
    """All published articles, by title."""
    rows = session.execute(
        sa.select(KnowledgeArticle.id, KnowledgeArticle.title, KnowledgeArticle.body, KnowledgeArticle.language)
        .where(*_published(hotel_id))
        .order_by(KnowledgeArticle.title, KnowledgeArticle.id)
    ).mappings()
    return [Article(**row) for row in rows]


def best(session: Session, hotel_id: int, question: str, limit: int = 20) -> list[Article]:
    """The articles that share words with the question, best first: rare words count more than common ones.

    Every word is looked up in the language of each article (stemmed, accents folded); a word's worth is
    ln(1 + N / articles that have it), so that "hotel" or "room" do not drown the one word that matters.
    """
    own = session.info.get("hotel_ids")
    if own is not None and hotel_id not in own:  # a statement in SQL is not bound by db.py: bound here
        return []
    rows = session.execute(_SEARCH, {"hotel": hotel_id, "question": question[:2000], "limit": limit}).mappings()
    return [Article(**row) for row in rows]


def _published(hotel_id: int) -> tuple[Any, ...]:
    return (KnowledgeArticle.hotel_id == hotel_id, KnowledgeArticle.status == ArticleStatus.PUBLISHED)


_SEARCH = sa.text("""
    WITH languages AS (
        SELECT language, count(*) AS n FROM knowledge_article
        WHERE hotel_id = :hotel AND status = 'published' GROUP BY language
    ), words AS (
        SELECT DISTINCT language, lexeme
        FROM languages, unnest(to_tsvector(hc_configuration(language), :question))
        WHERE lexeme !~ '[''\\\\]'
    ), hits AS (
        SELECT a.id, w.language, w.lexeme, ts_rank(a.search, quote_literal(w.lexeme)::tsquery) AS rank
        FROM words w JOIN knowledge_article a
          ON a.hotel_id = :hotel AND a.status = 'published' AND a.language = w.language
         AND a.search @@ quote_literal(w.lexeme)::tsquery
    ), worth AS (
        SELECT lexeme, ln(1 + (SELECT sum(n) FROM languages)::float / count(*)) AS weight FROM hits GROUP BY lexeme
    ), scored AS (
        SELECT id, sum(rank * weight) AS score FROM hits JOIN worth USING (lexeme) GROUP BY id
        ORDER BY score DESC, id LIMIT :limit
    )
    SELECT a.id, a.title, a.body, a.language, s.score
    FROM scored s JOIN knowledge_article a USING (id) ORDER BY s.score DESC, a.id
""")
