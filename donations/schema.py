"""The tables, and the steps that lead an older database to them.

Amounts are TEXT: SQLite's INTEGER overflows at 9.22 ETH in wei and its SUM() over TEXT is a float,
so sums are made in Python. Each migration is one transaction; the number of those done is SQLite's
``user_version``.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)

from donations.errors import StoreError
from donations.reasons import Reason

METADATA = MetaData()


def _text(name: str, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _integer(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


FACTS = Table("facts", METADATA, Column("name", Text, primary_key=True), _text("value"))

BLOCKS = Table(
    "blocks",
    METADATA,
    _text("chain"),
    _integer("height"),
    _text("hash"),
    _integer("time"),
    PrimaryKeyConstraint("chain", "height"),
)

TRANSFERS = Table(
    "transfers",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _text("kind"),
    _text("state"),
    _text("amount"),
    _integer("block_height", nullable=True),
    _text("block_hash", nullable=True),
    _integer("block_time", nullable=True),
    _text("consumes"),
    _text("brings"),
    _text("spends"),
    Column("coinbase", Boolean, nullable=False),
    _integer("first_seen"),
    _integer("received_at"),
    _integer("missing_since", nullable=True),
    _text("replaced_by", nullable=True),
    Column("settled", Boolean, nullable=False),
    Column("level", Text, nullable=False, server_default="agreed"),
    Column("excluded", Boolean, nullable=False, server_default="0"),
    PrimaryKeyConstraint("chain", "address", "asset", "id"),
    Index("transfers_by_id", "chain", "id"),
    Index("transfers_unsettled", "chain", sqlite_where=Column("settled", Boolean).is_(False)),
    Index("transfers_latest", "chain", "address", "asset", "received_at"),
    Index("transfers_by_block", "chain", "address", "asset", "block_height"),
)

OUTPUTS = Table(
    "outputs",
    METADATA,
    _text("chain"),
    _text("outpoint"),
    _text("address"),
    _text("units"),
    PrimaryKeyConstraint("chain", "outpoint"),
)

CHANGES = Table(
    "changes",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _text("news"),
    _text("before", nullable=True),
    _text("after"),
    _text("amount"),
    _text("block_hash", nullable=True),
    Column("reorged", Boolean, nullable=False),
    Column("final_reversed", Boolean, nullable=False),
    _text("evidence"),
    _integer("at"),
)

TOTALS = Table(
    "totals",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("month"),
    _text("bucket"),
    _text("units"),
    _integer("transfers"),
    Column("minor", Text, nullable=False, server_default="0"),
    Column("valued", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("chain", "address", "asset", "month", "bucket"),
)

# The same sums by day.
DAYS = Table(
    "days",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("day"),
    _text("bucket"),
    _text("units"),
    _integer("transfers"),
    _text("minor"),
    _integer("valued"),
    PrimaryKeyConstraint("chain", "address", "asset", "day", "bucket"),
)

# What each transfer was worth when it came, once for each currency that was configured.
VALUATIONS = Table(
    "valuations",
    METADATA,
    _text("currency"),
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _text("minor"),
    _text("price"),
    _integer("price_time"),
    _text("source"),
    _integer("valued_at"),
    PrimaryKeyConstraint("chain", "address", "asset", "id", "currency"),
)

# Standing transfers without a value in the currency of the sums: those that wait for a price.
UNVALUED = Table(
    "unvalued",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _integer("received_at"),
    PrimaryKeyConstraint("chain", "address", "asset", "id"),
    Index("unvalued_latest", "chain", "address", "asset", "received_at", "id"),
    Index("unvalued_in_order", "received_at", "chain", "address", "asset", "id"),
)

# What the author wrote; rows are added and never changed. The last columns are of manual gifts.
ANNOTATIONS = Table(
    "annotations",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    _text("chain", nullable=True),
    _text("address", nullable=True),
    _text("asset", nullable=True),
    _text("id", nullable=True),
    _text("writing"),
    _text("text"),
    _integer("undoes", nullable=True),
    _integer("at"),
    _text("by"),
    _text("amount", nullable=True),
    _text("unit", nullable=True),
    _integer("decimals", nullable=True),
    _integer("received_at", nullable=True),
    _text("widget", nullable=True),
    Index("annotations_by_transfer", "chain", "address", "asset", "id"),
    Index("annotations_by_writing", "writing"),
)

CURSORS = Table(
    "cursors",
    METADATA,
    _text("operator"),
    _text("chain"),
    _text("address"),
    _text("asset"),
    _integer("since"),
    _integer("height", nullable=True),
    _text("hash", nullable=True),
    _integer("time", nullable=True),
    _text("balance", nullable=True),
    _integer("nonce", nullable=True),
    PrimaryKeyConstraint("operator", "chain", "address", "asset"),
)

VIEWS = Table(
    "views",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _integer("height"),
    _text("hash"),
    _integer("time"),
    _integer("final_height"),
    _integer("at"),
    _integer("sources"),
    _text("balance", nullable=True),
    Column("complete", Boolean, nullable=False),
    PrimaryKeyConstraint("chain", "address", "asset"),
)


# What fewer operators tell than must agree; replaced whenever a key is settled.
CLAIMS = Table(
    "claims",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _text("operators"),
    _text("units"),
    _integer("block_height", nullable=True),
    _text("block_hash", nullable=True),
    _integer("since"),
    PrimaryKeyConstraint("chain", "address", "asset", "id"),
)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


# The headers of the best chain that are proven by their work, 80 bytes each.
HEADERS = Table(
    "headers",
    METADATA,
    _text("chain"),
    _integer("height"),
    _bytes("raw"),
    PrimaryKeyConstraint("chain", "height"),
)

# What proves that a transaction stands in a block: see `proof.inclusion`.
PROOFS = Table(
    "proofs",
    METADATA,
    _text("chain"),
    _text("txid"),
    _integer("height"),
    _text("hash"),
    _integer("time"),
    _bytes("header"),
    _bytes("raw"),
    _integer("position"),
    _bytes("branch"),
    _bytes("coinbase"),
    _bytes("coinbase_branch"),
    PrimaryKeyConstraint("chain", "txid"),
)

# What proves a gift on Ethereum: see `proof.ethereum_evidence`.
ETHEREUM_PROOFS = Table(
    "ethereum_proofs",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _integer("height"),
    _text("hash"),
    _integer("time"),
    _text("evidence"),
    PrimaryKeyConstraint("chain", "address", "asset", "id"),
)

# Which transactions brought what came from inside calls: rows under one transfer, the same sum.
ATTRIBUTIONS = Table(
    "attributions",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _text("id"),
    _text("txid"),
    _text("units"),
    PrimaryKeyConstraint("chain", "address", "asset", "id", "txid"),
)

# Operators that were caught in a lie, each with what shows it.
CONVICTIONS = Table(
    "convictions",
    METADATA,
    _text("chain"),
    _text("operator"),
    _text("reason"),
    _text("evidence"),
    _integer("at"),
    _integer("until"),
    _text("configuration"),
    PrimaryKeyConstraint("chain", "operator"),
)

# What the author is told: the bytes of each event as they are sent, for ever.
EVENTS = Table(
    "events",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    _text("type"),
    _text("subject"),
    _integer("number"),
    _text("payload"),
    _integer("at"),
    UniqueConstraint("subject", "number"),
    sqlite_autoincrement=True,
)

# Where the chain stood when the watch over a key had caught up: what is older is never announced.
BASELINES = Table(
    "baselines",
    METADATA,
    _text("chain"),
    _text("address"),
    _text("asset"),
    _integer("tip"),
    _integer("final_height"),
    PrimaryKeyConstraint("chain", "address", "asset"),
)

# How far each channel was told: ``cursor`` is the last event it is done with, ``planned`` the last
# one of the message under way.
CHANNELS = Table(
    "channels",
    METADATA,
    Column("name", Text, primary_key=True),
    _text("settings"),
    _integer("cursor"),
    _integer("planned"),
    _integer("attempts"),
    _integer("due"),
    _text("error", nullable=True),
    _integer("stopped_at", nullable=True),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    _text("channel"),
    _integer("sequence"),
    _text("message"),
    _integer("attempts"),
    _integer("at"),
    _text("error", nullable=True),
    PrimaryKeyConstraint("channel", "sequence"),
    Index("deliveries_by_time", "channel", "at"),
)


# What sources of prices told: see `kept_quotes`.
QUOTES = Table(
    "quotes",
    METADATA,
    _text("source"),
    _text("asset"),
    _text("currency"),
    _integer("step"),
    _integer("start"),
    _text("price"),
    _integer("time"),
    PrimaryKeyConstraint("asset", "currency", "step", "start", "source"),
)


def _first(connection: Connection) -> None:
    METADATA.create_all(connection)


def _proofs(connection: Connection) -> None:
    METADATA.create_all(connection)
    if not any(c["name"] == "level" for c in inspect(connection).get_columns("transfers")):
        connection.exec_driver_sql(
            "ALTER TABLE transfers ADD COLUMN level TEXT NOT NULL DEFAULT 'agreed'"
        )
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS transfers_unproven ON transfers (chain, block_height, id) "
        "WHERE level <> 'proven' AND block_height IS NOT NULL"
    )


def _ethereum(connection: Connection) -> None:
    METADATA.create_all(connection)


def _quotes(connection: Connection) -> None:
    METADATA.create_all(connection)


_NEW_COLUMNS = (
    ("transfers", "excluded", "BOOLEAN NOT NULL DEFAULT 0"),
    ("totals", "minor", "TEXT NOT NULL DEFAULT '0'"),
    ("totals", "valued", "INTEGER NOT NULL DEFAULT 0"),
)


def _books(connection: Connection) -> None:
    METADATA.create_all(connection)
    for table, column, kind in _NEW_COLUMNS:
        if not any(c["name"] == column for c in inspect(connection).get_columns(table)):
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    # All that lists are filtered by, in the order they are shown: nothing else need be read to
    # know that a transfer is not wanted.
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS transfers_in_order ON transfers "
        "(received_at, chain, address, asset, id, kind, state, level, excluded)"
    )
    # Sums by day are made when the store opens, as after a change of the time zone.
    connection.exec_driver_sql("UPDATE facts SET value = '' WHERE name = 'timezone'")


def _events(connection: Connection) -> None:
    """What was read before there were events is the past, and is never announced."""
    METADATA.create_all(connection)
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO baselines SELECT chain, address, asset, height, final_height "
        "FROM views WHERE complete"
    )


# All but the final gifts, as SQL: who looks for others need not read those.
ODD = "state <> 'final' OR kind <> 'gift' OR excluded <> 0"


def _lists(connection: Connection) -> None:
    METADATA.create_all(connection)
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS transfers_odd ON transfers "
        f"(chain, address, asset, received_at, id, state, kind, excluded) WHERE {ODD}"
    )
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS transfers_listed ON transfers "
        "(chain, address, asset, received_at, id)"
    )
    connection.exec_driver_sql("DROP INDEX IF EXISTS transfers_latest")
    # Filled with the sums, as after a change of the time zone.
    connection.exec_driver_sql("UPDATE facts SET value = '' WHERE name = 'timezone'")


def _names(connection: Connection) -> None:
    """Those whose name begins alike are put in order without reading each."""
    connection.exec_driver_sql(
        "CREATE INDEX IF NOT EXISTS transfers_by_name ON transfers "
        "(chain, id, address, asset, received_at)"
    )
    connection.exec_driver_sql("DROP INDEX IF EXISTS transfers_by_id")


# Once released, a step is never edited: a new one is appended.
MIGRATIONS = (_first, _proofs, _ethereum, _quotes, _books, _events, _lists, _names)


def migrate(engine: Engine) -> None:
    """Bring the database of ``engine`` to this schema. Raises StoreError for a newer one."""
    version = _version(engine)
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        with engine.begin() as connection:
            step(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {number}")


def check_current(engine: Engine) -> None:
    """Raise StoreError unless the database of ``engine`` has exactly this schema."""
    version = _version(engine)
    if version < len(MIGRATIONS):
        raise StoreError(
            f"the database is of schema {version}, this program's is {len(MIGRATIONS)}: "
            "`donations serve` brings it up to date",
            why=Reason.STORE_SCHEMA,
        )


def _version(engine: Engine) -> int:
    """The schema of the database. Raises StoreError for a newer one than ours."""
    with engine.begin() as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the database is of schema {version}, newer than this program's {len(MIGRATIONS)}: "
            "install the version of donations that wrote it, or restore an older backup",
            why=Reason.STORE_SCHEMA,
        )
    return version
