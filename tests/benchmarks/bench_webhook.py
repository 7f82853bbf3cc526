"""Webhooks a second against the floor (psycopg2 INSERT and commit + LPUSH), in the same run.

`python -m tests.benchmarks.bench_webhook`. Target: at 32 in flight 0.8 of the floor or more. Each round measures both,
in turns, since this machine's speed drifts; the figure is the median of the rounds' ratios.
"""

from __future__ import annotations

import statistics
from urllib.parse import urlencode

import psycopg2

from hotelchat.channels import demo_phone
from tests.benchmarks.installation import ACCOUNT, NUMBER, TOKEN, Installation, free_port, installation
from tests.benchmarks.load import measure

GUESTS, MESSAGES, ROUNDS = 200, 3000, 5


def _requests(made: Installation, number: int) -> list[bytes]:
    url = f"{made.base_url}/webhooks/twilio/whatsapp"
    prepared = []
    for index in range(number):
        guest = f"+4477009{index % GUESTS:05d}"
        params = demo_phone.text_message(ACCOUNT, guest, NUMBER, f"Is breakfast included? {index}", "Ana")
        body = urlencode(params).encode()
        head = (
            f"POST /webhooks/twilio/whatsapp HTTP/1.1\r\nHost: 127.0.0.1:{made.port}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            f"X-Twilio-Signature: {demo_phone.sign(url, params, TOKEN)}\r\n\r\n"
        )
        prepared.append(head.encode() + body)
    return prepared


def _floor_requests(made: Installation, number: int) -> list[bytes]:
    return [each.replace(b"POST /webhooks/twilio/whatsapp", b"POST /hook", 1) for each in _requests(made, number)]


def main() -> None:
    """Print the table."""
    with installation() as made:
        with psycopg2.connect(made.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE floor (id bigserial PRIMARY KEY, body text)")
        floor_port = free_port()
        made.start("main.py", "process", "web", port=made.port)
        made.start("-m", "tests.benchmarks.floor", str(floor_port), port=floor_port)
        measure(made.port, _requests(made, GUESTS * 3), 32)
        measure(floor_port, _floor_requests(made, GUESTS * 3), 32)
        print(f"{'in flight':>9} {'floor/s':>8} {'ours/s':>8} {'ratio':>6} {'floor p99':>10} {'ours p99':>9}")
        for in_flight in (1, 8, 32):
            ratios = []
            for _ in range(ROUNDS if in_flight == 32 else 2):
                floor = measure(floor_port, _floor_requests(made, MESSAGES), in_flight)
                ours = measure(made.port, _requests(made, MESSAGES), in_flight)
                ratios.append(ours["rate"] / floor["rate"])
                print(
                    f"{in_flight:>9} {floor['rate']:>8.0f} {ours['rate']:>8.0f} {ratios[-1]:>6.2f}"
                    f" {floor['p99']:>8.1f}ms {ours['p99']:>7.1f}ms   {ours['statuses']}"
                )
            print(f"{in_flight:>9} median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
