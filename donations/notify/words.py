"""The words in which events are told to people, in French and in English: pure.

The first line says it all, without the blog's title; more lines follow.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from string import Template
from typing import TYPE_CHECKING, Any

from donations.announcements import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TITLES = {
    "en": {
        Type.SEEN: "$amount on its way",
        Type.CONFIRMED: "$amount received",
        Type.FINAL: "$amount is final",
        Type.REPLACED: "$amount was replaced by another payment",
        Type.DROPPED: "$amount did not arrive",
        Type.REORGED: "$amount: its block was undone",
        Type.OWN: "$amount came from you yourself",
        Type.GOAL: "$percent % of the goal reached: $target",
        Type.SILENT: "no word from $operator ($chain)",
        Type.BACK: "$operator ($chain) answers again",
        Type.TAMPERED: "a page was changed, look at it: $url",
        Type.FINE: "the page is right again: $url",
        Type.TEST: "a test",
        Type.DIGEST: "$count pieces of news",
    },
    "fr": {
        Type.SEEN: "$amount en route",
        Type.CONFIRMED: "$amount reçus",
        Type.FINAL: "$amount : définitif",
        Type.REPLACED: "$amount : remplacé par un autre paiement",
        Type.DROPPED: "$amount : n'est pas arrivé",
        Type.REORGED: "$amount : son bloc a été annulé",
        Type.OWN: "$amount : venait de vous-même",
        Type.GOAL: "$percent % de l'objectif atteints : $target",
        Type.SILENT: "$operator ($chain) ne répond plus",
        Type.BACK: "$operator ($chain) répond de nouveau",
        Type.TAMPERED: "une page a été modifiée, à vérifier : $url",
        Type.FINE: "la page est de nouveau correcte : $url",
        Type.TEST: "un essai",
        Type.DIGEST: "$count nouvelles",
    },
}
_MORE = {
    "en": {
        Type.SEEN: "Announced, in no block yet. It may still not arrive.",
        Type.CONFIRMED: "It stands in a block.",
        Type.FINAL: "It will not change any more.",
        Type.REPLACED: "Another payment used the same coins: this one does not count.",
        Type.DROPPED: "Nobody holds it any more: it does not count.",
        Type.REORGED: "What was told of a block is no longer true. You are told when it stands "
        "in another one.",
        Type.OWN: "Another address of yours paid it: it is no gift, and no longer counted as one.",
        Type.SILENT: "Since $since it gave no good answer. $answering of $required needed answer.",
        Type.BACK: "It had been silent since $since.",
        Type.TAMPERED: "What readers see may lead gifts astray:",
        Type.FINE: "Nothing on it is wrong any more.",
        Type.TEST: "This channel works.",
    },
    "fr": {
        Type.SEEN: "Annoncé, dans aucun bloc pour l'instant. Il peut encore ne pas arriver.",
        Type.CONFIRMED: "Il est dans un bloc.",
        Type.FINAL: "Il ne changera plus.",
        Type.REPLACED: "Un autre paiement a utilisé les mêmes pièces : celui-ci ne compte pas.",
        Type.DROPPED: "Plus personne ne le connaît : il ne compte pas.",
        Type.REORGED: "Ce qui avait été dit d'un bloc n'est plus vrai. Vous serez averti quand il "
        "sera dans un autre.",
        Type.OWN: "Une autre de vos adresses l'a payé : ce n'est pas un don, et il n'est plus "
        "compté.",
        Type.SILENT: "Pas de bonne réponse depuis $since. Répondent : $answering, nécessaires : "
        "$required.",
        Type.BACK: "Il se taisait depuis $since.",
        Type.TAMPERED: "Ce que voient les lecteurs peut détourner des dons :",
        Type.FINE: "Plus rien n'y est faux.",
        Type.TEST: "Ce canal fonctionne.",
    },
}
_LABELS = {
    "en": {"address": "address", "transaction": "transaction", "block": "block",
           "value": "worth when it came", "replaced_by": "replaced by", "more": "and {} more",
           "time": "time of the block"},
    "fr": {"address": "adresse", "transaction": "transaction", "block": "bloc",
           "value": "valeur à la réception", "replaced_by": "remplacé par", "more": "et {} autres",
           "time": "heure du bloc"},
}  # fmt: skip
_COLON = {"en": ": ", "fr": " : "}


def tell(kind: Type, data: Mapping[str, Any], language: str) -> list[str]:
    """Title and lines of an event with these data (see `announcements`)."""
    values = {name: str(value) for name, value in data.items()}
    if "amount" in data:
        values["amount"] = f"{_number(data['amount'], language)} {data['asset']}"
    if "since" in data:
        values["since"] = _time(data["since"])
    if "amount" in data.get("target", {}):
        target = data["target"]
        values["target"] = f"{_number(target['amount'], language)} {target['unit']}"
    lines = [Template(_TITLES[language][kind]).safe_substitute(values)]
    if kind in _MORE[language]:
        lines.append(Template(_MORE[language][kind]).safe_substitute(values))
    lines += [f"- {finding}" for finding in data.get("findings", ())]
    return lines + _details(data, language)


def tell_many(kinds: Sequence[Type], lines: Sequence[str], language: str) -> list[str]:
    """Title and lines of a digest: how many of each kind, then the first of them."""
    told = [Template(_TITLES[language][Type.DIGEST]).substitute(count=len(kinds)), ""]
    counted = Counter(kinds)
    told += [f"{counted[kind]} x {kind.value}" for kind in Type if kind in counted]
    more = len(kinds) - len(lines)
    told += ["", *(f"- {line}" for line in lines)]
    return told + ([_LABELS[language]["more"].format(more)] if more else [])


def _details(data: Mapping[str, Any], language: str) -> list[str]:
    labels, colon = _LABELS[language], _COLON[language]
    shown = {name: data[name] for name in ("address", "transaction", "replaced_by") if name in data}
    if "block" in data:
        shown |= {"block": data["block"]["height"], "time": _time(data["block"]["time"])}
    if "value" in data:
        value = data["value"]
        shown["value"] = f"{_number(value['amount'], language)} {value['currency']}"
    return (
        ["", *(f"{labels[name]}{colon}{value}" for name, value in shown.items())] if shown else []
    )


def _number(text: str, language: str) -> str:
    return text.replace(".", ",") if language == "fr" else text


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
