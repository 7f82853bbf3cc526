"""Hotels, users and their sessions: who may sign in, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from hotelchat import auth, clock
from hotelchat.errors import BadInput, Conflict, SettingsError, Unknown
from hotelchat.events import SignedOut
from hotelchat.models import Hotel, Membership, Role, User, UserSession
from hotelchat.queries import team as queries
from hotelchat.services import team
from tests.factories import KEYS, Factory, told

PASSWORD = "correct horse"


@pytest.fixture
def hotel(make: Factory) -> Hotel:
    return make.hotel("lantern-bay")


@pytest.fixture
def marta(session: Session, hotel: Hotel) -> User:
    return team.add_user(
        session, email="Marta@Example.com ", name="Marta", role=Role.AGENT, password=PASSWORD, hotel_slug=hotel.slug
    )


def sign_in(session: Session, email: str = "marta@example.com", password: str = PASSWORD) -> str | None:
    ticket = team.sign_in(session, email, password, KEYS)
    session.flush()
    return ticket


def entered(session: Session) -> str:
    token = team.enter(session, sign_in(session) or "", KEYS)
    assert token is not None
    return token


def test_who_has_the_password_signs_in(session: Session, marta: User, hotel: Hotel) -> None:
    user = queries.signed_in(session, entered(session), KEYS)

    assert user is not None
    assert (user.user_id, user.name, user.role, user.hotel_id) == (marta.id, "Marta", Role.AGENT, hotel.id)


@pytest.mark.parametrize(
    ("email", "password"),
    [("marta@example.com", "wrong"), ("marta@example.com", ""), ("nobody@example.com", PASSWORD), ("", PASSWORD)],
)
def test_who_has_not_does_not(session: Session, marta: User, email: str, password: str) -> None:
    assert sign_in(session, email, password) is None


def test_the_address_may_be_written_in_capitals(session: Session, marta: User) -> None:
    assert sign_in(session, " MARTA@example.COM ") is not None


def test_a_ticket_is_no_session_and_is_used_once(session: Session, marta: User) -> None:
    ticket = sign_in(session) or ""

    assert queries.signed_in(session, ticket, KEYS) is None
    token = team.enter(session, ticket, KEYS)
    assert token not in {None, ticket}
    assert team.enter(session, ticket, KEYS) is None
    assert queries.signed_in(session, ticket, KEYS) is None
    assert team.enter(session, token or "", KEYS) is None, "a session's token is no ticket"


def test_an_old_ticket_is_worth_nothing(session: Session, marta: User) -> None:
    ticket = sign_in(session) or ""
    session.execute(sa.update(UserSession).values(expires_at=clock.now() - timedelta(seconds=1)))

    assert team.enter(session, ticket, KEYS) is None


def test_a_session_ends_when_its_time_is_over(session: Session, marta: User) -> None:
    token = entered(session)
    expires = session.exec(select(UserSession.expires_at)).one()
    assert abs(expires - clock.now() - team.SESSION_LASTS) < timedelta(minutes=1)
    session.execute(sa.update(UserSession).values(expires_at=clock.now() - timedelta(seconds=1)))

    assert queries.signed_in(session, token, KEYS) is None


def test_the_old_key_is_accepted_until_it_is_taken_away(session: Session, marta: User) -> None:
    token = entered(session)

    assert queries.signed_in(session, token, ("a new key", *KEYS)) is not None
    assert queries.signed_in(session, token, ("a new key",)) is None


def test_no_token_and_no_password_is_kept_in_the_clear(session: Session, marta: User) -> None:
    token = entered(session)

    [row] = session.exec(select(UserSession))
    assert token.encode() not in row.token_hash
    assert marta.password_hash.startswith("$argon2id$")
    assert PASSWORD not in repr(marta) and marta.password_hash not in repr(marta)


def test_signing_out_ends_one_session_and_tells_its_screens(session: Session, marta: User, hotel: Hotel) -> None:
    here, there = entered(session), entered(session)
    signed_in = queries.signed_in(session, here, KEYS)

    team.sign_out(session, signed_in.session_id)

    assert queries.signed_in(session, here, KEYS) is None
    assert queries.signed_in(session, there, KEYS) is not None
    assert told(session) == [SignedOut(hotel_id=hotel.id, user_id=marta.id, session_id=signed_in.session_id)]
    team.sign_out(session, signed_in.session_id)
    assert len(told(session)) == 1, "twice is harmless"


def test_disabling_ends_every_session_and_no_new_one_begins(session: Session, marta: User, hotel: Hotel) -> None:
    tokens, ticket = [entered(session), entered(session)], sign_in(session)
    session.info.clear()

    team.disable_user(session, "marta@example.com")
    session.flush()

    assert [queries.signed_in(session, token, KEYS) for token in tokens] == [None, None]
    assert team.enter(session, ticket or "", KEYS) is None
    assert sign_in(session) is None
    assert told(session) == [SignedOut(hotel_id=hotel.id, user_id=marta.id, session_id=None)]


def test_a_new_password_signs_out_everywhere_and_lets_the_user_in_again(session: Session, marta: User) -> None:
    token = entered(session)
    team.disable_user(session, "marta@example.com")
    team.set_password(session, "marta@example.com", "battery staple")
    session.flush()

    assert queries.signed_in(session, token, KEYS) is None
    assert sign_in(session) is None
    assert sign_in(session, password="battery staple") is not None


def test_out_of_the_hotel_is_out_of_the_session(session: Session, marta: User) -> None:
    token = entered(session)
    session.execute(sa.delete(Membership))

    assert queries.signed_in(session, token, KEYS) is None
    assert sign_in(session) is None


@pytest.mark.parametrize("change", [team.disable_user, lambda s, e: team.set_password(s, e, "battery staple")])
def test_an_unknown_user_is_not_found(session: Session, change: object) -> None:
    with pytest.raises(Unknown, match=r"nobody@example\.com"):
        change(session, "nobody@example.com")


def test_a_user_may_work_in_two_hotels_but_has_one_role_in_each(session: Session, marta: User, make: Factory) -> None:
    second = make.hotel("second")
    again = {"email": "marta@example.com", "name": "Marta", "role": Role.MANAGER, "password": PASSWORD}

    assert team.add_user(session, hotel_slug=second.slug, **again).id == marta.id
    with pytest.raises(Conflict, match="has a role in second already"):
        team.add_user(session, hotel_slug=second.slug, **again)
    assert {(m.hotel, m.role) for m in queries.members(session)} == {("lantern-bay", "agent"), ("second", "manager")}


@pytest.mark.parametrize("email", ["", "marta", "marta@", "@example.com", "a b@example.com"])
def test_what_is_no_address_is_refused(session: Session, hotel: Hotel, email: str) -> None:
    with pytest.raises(BadInput, match=r"name@example\.com"):
        team.add_user(session, email=email, name="Marta", role=Role.AGENT, password=PASSWORD)


def test_a_short_password_is_refused(session: Session, hotel: Hotel) -> None:
    with pytest.raises(BadInput, match="8 characters or more"):
        team.add_user(session, email="a@example.com", name="A", role=Role.AGENT, password="1234567")


def test_an_unknown_hotel_is_named(session: Session) -> None:
    with pytest.raises(Unknown, match="hotel nowhere"):
        team.hotel_by_slug(session, "nowhere")


def test_a_new_hotel_owns_its_number(session: Session) -> None:
    added = team.add_hotel(session, "sea-view", "Sea View", " +34 971-000 009 ")

    assert added.whatsapp_number == "whatsapp:+34971000009"
    assert queries.hotel_for_number(session, "whatsapp:+34971000009") == (added.id, True)


def test_hotels_without_a_number_stand_beside_each_other(session: Session, hotel: Hotel) -> None:
    assert hotel.whatsapp_number is None

    assert team.add_hotel(session, "sea-view", "Sea View").whatsapp_number is None
    with pytest.raises(Conflict, match="slug sea-view"):
        team.add_hotel(session, "sea-view", "Again")


@pytest.mark.parametrize(
    ("slug", "number", "error", "words"),
    [
        ("lantern-bay", None, Conflict, "slug lantern-bay"),
        ("other", "whatsapp:+34971000009", Conflict, "WhatsApp number"),
        ("Big Letters", None, BadInput, "small letters"),
        ("-dash", None, BadInput, "small letters"),
        ("", None, BadInput, "small letters"),
        ("fine", "not a number", SettingsError, "country code"),
    ],
)
def test_a_hotel_that_cannot_be_added(
    session: Session, make: Factory, hotel: Hotel, slug: str, number: str | None, error: type, words: str
) -> None:
    make.hotel("taken", whatsapp_number="whatsapp:+34971000009")
    with pytest.raises(error, match=words):
        team.add_hotel(session, slug, "Name", number)


def test_an_unknown_number_goes_to_the_first_hotel(session: Session, make: Factory, hotel: Hotel) -> None:
    make.hotel("second")

    assert queries.hotel_for_number(session, "whatsapp:+1999") == (hotel.id, False)


def test_an_empty_database_gets_a_hotel_with_the_number_and_an_admin_once(session: Session) -> None:
    for password in ("first-password", "second-password"):
        team.first_steps(session, "whatsapp:+34971000001", ("boss@example.com", password))
        session.flush()

    [(facts, number)] = queries.hotels(session)
    assert (facts.slug, number) == ("hotel", "whatsapp:+34971000001")
    [member] = queries.members(session)
    assert (member.email, member.name, member.role) == ("boss@example.com", "Boss", Role.ADMIN)
    assert sign_in(session, "boss@example.com", "first-password") is not None


def test_the_number_goes_to_the_first_hotel_only_where_nobody_has_it(session: Session, make: Factory) -> None:
    first, second = make.hotel(), make.hotel(whatsapp_number="whatsapp:+34971000001")
    team.first_steps(session, "whatsapp:+34971000001", None)
    assert (first.whatsapp_number, second.whatsapp_number) == (None, "whatsapp:+34971000001")

    team.first_steps(session, "whatsapp:+34971000002", None)
    assert first.whatsapp_number == "whatsapp:+34971000002"


def test_each_hash_of_a_password_is_another_and_fits_only_it() -> None:
    one, two = auth.hash_password(PASSWORD), auth.hash_password(PASSWORD)

    assert one != two
    assert auth.verify_password(PASSWORD, one) and auth.verify_password(PASSWORD, two)
    assert not auth.verify_password("wrong horse", one)
    assert not auth.verify_password(PASSWORD, None)
