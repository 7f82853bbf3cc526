"""What all tables share: UTC times, and the hotel a row belongs to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class HotelOwned(SQLModel):
    """A row that belongs to one hotel; `db.transaction(hotels)` sees only its own."""

    hotel_id: int = Field(foreign_key="hotel.id", index=False)


def utc(*, default_now: bool = False, nullable: bool = True) -> Any:
    """A column of time with its zone, read and written in UTC."""
    server_default = sa.text("clock_timestamp()") if default_now else None
    return Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        nullable=nullable and not default_now,
        sa_column_kwargs={"server_default": server_default},
    )


class OneOf(sa.types.TypeDecorator[StrEnum]):
    """A StrEnum kept as text; the migrations hold the CHECK."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind
        self._by_value = {member.value: member for member in kind}  # an Enum's own look-up costs ten times as much

    def process_bind_param(self, value: StrEnum | str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        return None if value is None else self._by_value[value]


def one_of(kind: type[StrEnum], **more: Any) -> Any:
    """A column whose values are those of a StrEnum."""
    return Field(sa_type=OneOf(kind), **more)


def created() -> datetime | Any:
    """When the row was made, by the database's clock."""
    return utc(default_now=True)
