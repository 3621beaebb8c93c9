"""``donations totals --by``: what came in by month, year, coin, widget, site, post or address.

The sums are those of the HTTP interface, made by the same function; today's value stands apart.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from donations.desk import Desk
from donations.errors import ConfigError
from donations.exporting import frame_of, reading
from donations.exports.line import fixed, manual_line, visible
from donations.exports.render import aligned
from donations.gathering import By as Gathered
from donations.gathering import groups
from donations.prices.today import read_today
from donations.web.api.author_forms import By
from donations.web.api.figures import Currency, group_by

if TYPE_CHECKING:
    from donations.books import Annotation, Figures
    from donations.config import Config
    from donations.ledger import Key
    from donations.overview import Overview, Price


def read_by(config: Config, way: str, now: int) -> dict[str, Any]:
    """All sums of one way, for programs; ``now`` in Unix seconds. Raises StoreError."""
    with reading(config) as store:
        prices = read_today(store.facts(), config.currency)
    months, unread, manual, seen, desk = asyncio.run(_read(config, now, prices))
    grouped = _groups(config, way, desk)
    by = By.WIDGET if grouped else By(way)
    money = Currency(desk.currency, desk.digits)
    decimals = {key: asset.decimals for key, asset in desk.assets.items()}
    told, total = group_by(by, months, decimals, grouped, money)
    frame = frame_of(config, now)
    gifts = [manual_line(each, frame) for each in manual]
    return {
        "by": way,
        "currency": desk.currency,
        "timezone": str(config.timezone),
        "groups": told,
        "total": total,
        "unread": unread,
        "manual": [
            {
                "entry": line.sequence,
                "received": frame.moment(line.received_at).isoformat(),
                "unit": line.asset,
                "amount": line.amount,
                "value": None if line.minor is None else money.money(line.minor),
                "widget": line.widgets[0] if line.widgets else None,
                "note": line.note or None,
            }
            for line in gifts
        ],
        "today": {
            "value": None if seen.today is None else money.money(seen.today),
            "as_of": seen.today_at,
            "prices": {
                asset: {"price": price.price, "at": price.at, "source": price.source}
                for asset, price in sorted(prices.items())
            },
        },
    }


def _groups(config: Config, way: str, desk: Desk) -> list[tuple[str, str, frozenset[Key]]]:
    """The groups of keys that a way tells apart; none for what has a way of its own."""
    if way == "address":
        keys: dict[str, set[Key]] = defaultdict(set)
        for key in desk.assets:
            keys[key.address].add(key)
        return [(address, "", frozenset(its)) for address, its in keys.items()]
    if way in {each.value for each in Gathered}:
        found = groups(config, Gathered(way))
        if not found:
            raise ConfigError(
                f"no widget has a {way}: [[widget]] {way} = ... says where it stands",
                file=config.path,
            )
        return [(group.name, "", group.keys) for group in found]
    return []


async def _read(
    config: Config, now: int, prices: dict[str, Price]
) -> tuple[Figures, int, list[Annotation], Overview, Desk]:
    desk = Desk(config)
    try:
        months, unread = await desk.months()
        return months, unread, await desk.by_hand(), await desk.overview(now, prices), desk
    finally:
        desk.close()


def lines_by(config: Config, told: dict[str, Any], now: int) -> list[str]:
    """The sums for people."""
    currency, digits = told["currency"], frame_of(config, now).digits
    columns = (told["by"], "gifts", f"worth then ({currency})", "unknown", "pending", "received")
    rows = [_row(group, digits) for group in told["groups"]]
    rows.append(_row({**told["total"], "name": "together"}, digits))
    text = list(aligned(columns, rows, [False, True, True, True, True, False]))
    if told["unread"]:
        text += ["", f"not to its end read is the history of {told['unread']} addresses: what is "
                 "not known of them is in no sum"]  # fmt: skip
    if told["manual"]:
        text += ["", "gifts that came another way, in no sum above:"]
        for gift in told["manual"]:
            text.append(
                f"  {gift['received'][:10]}  {gift['amount']} {gift['unit']}"
                f"  {visible(gift['note'] or '')}".rstrip()
            )
    today = told["today"]
    if today["value"] is None:
        text += ["", "worth today: not known"]
    else:
        age = datetime.fromtimestamp(today["as_of"], config.timezone) if today["as_of"] else None
        when = f", at prices of {age:%Y-%m-%d %H:%M}" if age else ""
        value = fixed(int(today["value"]["minor"]), digits)
        text += ["", f"worth today, all that was received: {value} {currency}{when}"]
    return text


def _row(group: Any, digits: int) -> list[str]:
    worth = group["received"]
    value = worth["value"]
    coins = [
        f"{each['received']['text']} {each['asset']}"
        for each in group["assets"]
        if each["received_worth"]["transfers"]
    ]
    return [
        visible(group["name"]),
        str(worth["transfers"]),
        "unknown" if value is None else fixed(int(value["minor"]), digits),
        str(worth["unvalued"]) if worth["unvalued"] else "",
        str(group["pending"]["transfers"]) if group["pending"]["transfers"] else "",
        ", ".join(coins),
    ]
