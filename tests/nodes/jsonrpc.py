"""One JSON-RPC call over HTTP to a node on this machine."""

from __future__ import annotations

import base64
import http.client
import json
from decimal import Decimal
from typing import Any

Json = Any


class RpcError(RuntimeError):
    """The node answered with an error: ``code`` is its number, the text its message."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code
        self.message = message


class JsonRpc:
    """A node's JSON-RPC address. Every call has a connection of its own, so threads may share it.

    Decimal numbers come back as ``Decimal``, so that amounts stay exact.
    """

    def __init__(self, port: int, password: str | None = None, seconds: float = 60.0) -> None:
        self.port = port
        self._seconds = seconds
        self._headers = {"Content-Type": "application/json"}
        if password is not None:
            token = base64.b64encode(f"test:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"

    def call(self, method: str, *params: object, path: str = "/") -> Json:
        """The result; RpcError when the node refuses, OSError when it cannot be reached."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        answer = self.request("POST", path, body)
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise RpcError(method, 0, f"not a JSON-RPC answer: {str(answer)[:300]}")
        error = answer.get("error")
        if error:
            raise RpcError(method, error.get("code", 0), error.get("message", str(error)))
        return answer["result"]

    def request(self, verb: str, path: str, body: str | None = None) -> Json:
        """The JSON body of one HTTP exchange, whatever its status (a node's errors have 500)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._seconds)
        try:
            connection.request(verb, path, body, self._headers)
            response = connection.getresponse()
            content = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{verb} {path}: {error!r}") from error
        finally:
            connection.close()
        try:
            return json.loads(content, parse_float=Decimal)
        except ValueError:
            shown = content[:300].decode(errors="replace")
            raise RpcError(path, response.status, f"no JSON: {shown}") from None

    def answers(self, method: str, *params: object) -> bool:
        """Whether the node is there and gives a result."""
        try:
            self.call(method, *params)
        except (OSError, RpcError):
            return False
        return True
