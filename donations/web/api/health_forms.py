"""The forms of what the author is told of his upstreams; as `forms`, no postponed annotations."""

from typing import Annotated, TypedDict

from donations.reasons import Reason
from donations.web.api.forms import Asset, Chain, Height, Moment, Units
from donations.web.api.schema import Says

Server = Annotated[str, Says("host and port: a URL may hold a key")]


class UpstreamForm(TypedDict):
    """One operator of a chain. `resting`: not asked now; `broken`: it failed again and again."""

    chain: Chain
    operator: str
    server: Server
    answered_at: Annotated[int, Says("its last good answer since the start")] | None
    reason: Reason | None
    resting: bool
    broken: bool
    evidence: Annotated[str, Says("what it was convicted by")]
    until: Annotated[int, Says("when its vote comes back")] | None


class ClaimForm(TypedDict):
    """What fewer operators tell than must agree: in no sum."""

    chain: Chain
    address: str
    asset: Asset
    id: str
    units: Units
    operators: list[str]
    height: Height | None
    since: Moment


class OmissionForm(TypedDict):
    """An operator that holds the block of an agreed transaction and does not tell it."""

    chain: Chain
    address: str
    asset: Asset
    id: str
    operator: str
    since: Moment


class DisagreementForm(TypedDict):
    """An address of which the operators do not tell alike."""

    chain: Chain
    address: str
    asset: Asset
    since: Moment


class HealthForm(TypedDict):
    """Every upstream, and what they do not tell alike."""

    upstreams: list[UpstreamForm]
    disagree: list[DisagreementForm]
    claims: list[ClaimForm]
    omissions: list[OmissionForm]
