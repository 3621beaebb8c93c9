"""Snapshots for the tests: the addresses of a real footer, numbers of our own."""

from __future__ import annotations

from donations.goals import Goal
from donations.snapshot import SLUG, AsOf, Coin, Freshness, Gift, Snapshot, Stage, Sum

BTC = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"
BCH = "bitcoincash:qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6"
ETH = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"
ADDRESSES = (BTC, BCH, ETH)
NOW = 1_790_000_000  # 21 September 2026, 14:13:20 UTC


def coin(chain: str, freshness: Freshness = Freshness.FRESH, observed: int = NOW) -> Coin:
    """One coin of the footer; with NEVER, nothing is known of it."""
    facts = {
        "btc": ("Bitcoin", "BTC", 8, BTC, f"bitcoin:{BTC}", f"bitcoin:{BTC}"),
        "bch": ("Bitcoin Cash", "BCH", 8, BCH, BCH, BCH),
        "eth": ("Ethereum", "ETH", 18, ETH, ETH, f"ethereum:{ETH}@1"),
    }
    sums = {
        "btc": (Sum("BTC", 8, final=15_300_000, confirmed=200_000, pending=120_000),),
        "bch": (Sum("BCH", 8, final=123_456_789_012, confirmed=0, pending=0),),
        "eth": (
            Sum("ETH", 18, final=1_234_567_890_123_456_789, confirmed=0, pending=0),
            Sum("USDC", 6, final=25_500_000, confirmed=0, pending=0),
        ),
    }
    title, symbol, decimals, address, payment, link = facts[chain]
    known = freshness is not Freshness.NEVER
    return Coin(
        chain=chain,
        title=title,
        symbol=symbol,
        decimals=decimals,
        network="mainnet",
        address=address,
        payment=payment,
        link=link,
        freshness=freshness,
        as_of=AsOf(925_123, "00" * 32, observed - 60, observed) if known else None,
        sums=sums[chain] if known else None,
        sources=(1 if chain == "eth" else 2) if known else 0,
        required=2,
        gifts=3 if known else 0,
    )


def snapshot(
    freshness: Freshness = Freshness.FRESH,
    *,
    title: str = "",
    language: str = "fr",
    observed: int = NOW,
    chains: tuple[str, ...] = ("btc", "bch", "eth"),
) -> Snapshot:
    """The widget of the footer with a goal and three gifts."""
    known = freshness is not Freshness.NEVER
    gifts = (
        Gift("btc", "BTC", 8, 120_000, Stage.PENDING, observed - 200),
        Gift("eth", "ETH", 18, 5 * 10**16, Stage.CONFIRMED, observed - 86_400),
        Gift("btc", "BTC", 8, 200_000, Stage.FINAL, observed - 6 * 86_400),
    )
    return Snapshot(
        slug=SLUG,
        title=title,
        language=language,
        coins=tuple(coin(chain, freshness, observed) for chain in chains),
        gifts=gifts if known else (),
        goal=Goal(
            "BTC",
            8,
            target=50_000_000,
            received=15_500_000 if known else None,
            pending=120_000 if known else None,
        ),
    )
