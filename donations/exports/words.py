"""The words of the yearly summary, in English and in French."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from donations.exports.line import Class


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``thousands`` and ``point`` are how numbers are written for people."""

    language: str
    thousands: str
    point: str
    title: str
    made: str
    calendar: str
    together: str
    unknown_note: str
    unsettled_note: str
    method_title: str
    method: str
    by_month: str
    by_coin: str
    by_month_and_coin: str
    sources: str
    unknown: str
    unnamed: str
    manual: str
    manual_note: str
    others: str
    others_note: str
    nothing: str
    total: str
    month: str
    coin: str
    unit: str
    gifts: str
    quantity: str
    value: str
    without: str
    source: str
    date: str
    transaction: str
    kind: str
    note: str
    not_known: str
    months: tuple[str, ...]
    classes: MappingProxyType[Class, str]


ENGLISH = Words(
    language="en",
    thousands=",",
    point=".",
    title="Gifts received in {year}",
    made="Made on {day}.",
    calendar="Days and months are of the time zone {zone}. Amounts of money are in {currency}.",
    together="{count} gifts, worth {value} {currency} together when they came.",
    unknown_note="{count} of them have no known value and are in no amount of money below.",
    unsettled_note="{count} of them are in a block, but not final yet.",
    method_title="How gifts are valued",
    method=(
        "Each gift is valued once, in {currency}, at the moment it came: when it was first seen, "
        "or the time of its block if that is earlier. Its quantity is multiplied by the price of "
        "one whole unit at that moment and rounded to the smallest unit of the currency, half to "
        "even. A value does not change afterwards. A gift without a known price has no value here; "
        "it is not taken for zero. A gift counts once it stands in a block of its chain; what the "
        "author's own addresses sent, and what he marked as no gift, does not count."
    ),
    by_month="By month",
    by_coin="By coin",
    by_month_and_coin="By month and coin",
    sources="Sources of the prices",
    unknown="Gifts without a known value",
    unnamed="and {count} more, which stand in the CSV export",
    manual="Gifts that came another way",
    manual_note="Written down by the author; they are in no figure above.",
    others="Other movements, which are no gifts",
    others_note="In no figure above.",
    nothing="none",
    total="Together",
    month="Month",
    coin="Coin",
    unit="Unit",
    gifts="Gifts",
    quantity="Quantity",
    value="Value ({currency})",
    without="Without value",
    source="Source",
    date="Date",
    transaction="Transaction",
    kind="Kind",
    note="Note",
    not_known="unknown",
    months=(
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
    classes=MappingProxyType(
        {
            Class.PENDING: "pending",
            Class.IMMATURE: "mined, not mature",
            Class.OWN: "own transfers",
            Class.UNATTRIBUTED: "unattributed",
            Class.OPENING: "there before the watch",
            Class.NOT_A_GIFT: "marked as no gift",
            Class.GONE: "dropped or replaced",
        }
    ),
)  # fmt: skip

FRENCH = Words(
    language="fr",
    thousands="\u202f",
    point=",",
    title="Dons reçus en {year}",
    made="Établi le {day}.",
    calendar="Jours et mois sont ceux du fuseau horaire {zone}. Les montants sont en {currency}.",
    together="{count} dons, d'une valeur totale de {value} {currency} à la réception.",
    unknown_note="{count} d'entre eux sont de valeur inconnue et ne figurent dans aucun montant.",
    unsettled_note="{count} d'entre eux sont dans un bloc, mais pas encore définitifs.",
    method_title="Méthode d'évaluation",
    method=(
        "Chaque don est évalué une seule fois, en {currency}, au moment de sa réception : celui où "
        "il a été vu pour la première fois, ou l'heure de son bloc si elle est antérieure. Sa "
        "quantité est multipliée par le cours d'une unité entière à ce moment, et le produit "
        "arrondi à la plus petite unité de la monnaie, au pair le plus proche. Cette valeur ne "
        "change plus ensuite. Un don dont le cours n'est pas connu n'a pas de valeur ici ; il "
        "n'est pas compté pour zéro. Un don compte dès qu'il se trouve dans un bloc de sa chaîne ; "
        "les envois des propres adresses de l'auteur, et ce qu'il a marqué comme n'étant pas un "
        "don, ne comptent pas."
    ),
    by_month="Par mois",
    by_coin="Par cryptomonnaie",
    by_month_and_coin="Par mois et par cryptomonnaie",
    sources="Sources des cours",
    unknown="Dons de valeur inconnue",
    unnamed="et {count} autres, qui figurent dans l'export CSV",
    manual="Dons reçus par une autre voie",
    manual_note="Notés par l'auteur ; ils ne figurent dans aucun chiffre ci-dessus.",
    others="Autres mouvements, qui ne sont pas des dons",
    others_note="Dans aucun chiffre ci-dessus.",
    nothing="aucun",
    total="Total",
    month="Mois",
    coin="Cryptomonnaie",
    unit="Unité",
    gifts="Dons",
    quantity="Quantité",
    value="Valeur ({currency})",
    without="Sans valeur",
    source="Source",
    date="Date",
    transaction="Transaction",
    kind="Nature",
    note="Note",
    not_known="inconnue",
    months=(
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
        "octobre", "novembre", "décembre",
    ),
    classes=MappingProxyType(
        {
            Class.PENDING: "en attente",
            Class.IMMATURE: "minés, pas encore disponibles",
            Class.OWN: "transferts propres",
            Class.UNATTRIBUTED: "non attribués",
            Class.OPENING: "présents avant le suivi",
            Class.NOT_A_GIFT: "marqués comme n'étant pas un don",
            Class.GONE: "abandonnés ou remplacés",
        }
    ),
)  # fmt: skip

LANGUAGES = MappingProxyType({"en": ENGLISH, "fr": FRENCH})


def words_of(language: str) -> Words:
    """Those of a language such as "fr-CA"; English for one that is not here."""
    return LANGUAGES.get(language.partition("-")[0], ENGLISH)
