"""An ElectrumX that answers at once: Python imports this where its folder is on PYTHONPATH.

ElectrumX holds small answers back for a second, to hide their size. Whether the service copes with
that is tested against servers as they are; all other tests need not wait.
"""

from electrumx.server.transport import (  # type: ignore[import-not-found]
    PaddedRSTransport,
)

PaddedRSTransport.WAIT_FOR_BUFFER_GROWTH_SECONDS = 0.01
