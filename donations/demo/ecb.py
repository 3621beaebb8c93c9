"""The reference rates of the European Central Bank, as its two files tell them."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from donations.amounts import format_amount
from donations.demo.http import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What one euro is worth, in ten thousandths.
EURO = {"USD": 11_052, "JPY": 1_712_400, "GBP": 8_604, "CHF": 9_371, "CAD": 15_233}
_WEEKEND = 5


class EcbServer(HttpServer):
    """The bank's two files, with rates on working days."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock
        self.rates = dict(EURO)

    def days(self, count: int) -> Iterator[date]:
        """The last working days, the newest first."""
        today = datetime.fromtimestamp(self.clock(), UTC).toordinal()
        days = (date.fromordinal(today - n) for n in range(count))
        return (day for day in days if day.weekday() < _WEEKEND)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests[request.path] += 1
        fault = (
            self.fault if self.fault is not None and self.fault.strikes([request.path]) else None
        )
        match request.path:
            case "/eurofxref-hist-90d.xml":
                body, kind = self.xml(), "text/xml"
            case "/eurofxref-hist.zip":
                body, kind = self.packed(), "application/zip"
            case _:
                return web.Response(status=404)
        if fault is None:
            return web.Response(body=body, content_type=kind)
        return await self._send(request, body, fault)

    def xml(self) -> bytes:
        """The last 90 days."""
        days = "".join(
            f'<Cube time="{day}">{"".join(self._rate(code) for code in self.rates)}</Cube>'
            for day in self.days(90)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><gesmes:Envelope '
            'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" '
            'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
            "<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>"
            "European Central Bank</gesmes:name></gesmes:Sender>"
            f"<Cube>\n{days}</Cube></gesmes:Envelope>"
        ).encode()

    def packed(self) -> bytes:
        """Ten years."""
        lines = [f"Date,{','.join(self.rates)},HRK,"]
        values = ",".join(format_amount(rate, 4) for rate in self.rates.values())
        lines += [f"{day},{values},N/A," for day in self.days(3_650)]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("eurofxref-hist.csv", "\n".join(lines) + "\n")
        return file.getvalue()

    def _rate(self, code: str) -> str:
        return f'<Cube currency="{code}" rate="{format_amount(self.rates[code], 4)}"/>'
