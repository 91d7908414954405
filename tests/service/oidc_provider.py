"""A real OpenID Connect provider over HTTP, for tests: discovery, keys, authorization, tokens, user info.

It is as strict as one should be: it checks the client's secret, the redirect address, PKCE, and that a code
is used once. What it is told to it does wrong: ``claims`` are changed, ``sign`` signs in another way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

CLIENT, SECRET = "sentiment", "not a default: only of this test"


def b64(data: bytes) -> str:
    """Without padding, as in tokens."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Provider:
    """The provider and the one person who logs in at it."""

    redirect_uri: str
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    user: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "subject-1", "email": "coach@example.com", "email_verified": True, "name": "Kim",
        }
    )  # fmt: skip
    sign: Callable[[dict[str, Any]], str] | None = None
    in_token: bool = True
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: list[RSAKey] = field(default_factory=list)
    n_key_requests: int = 0

    def new_key(self) -> RSAKey:
        """A key that signs from now on."""
        key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})
        self.keys.append(key)
        return key

    def signed(self, claims: dict[str, Any]) -> str:
        """A token by the newest key."""
        return jwt.encode({"alg": "RS256", "kid": self.keys[-1].kid}, claims, self.keys[-1])

    def discovery(self, _request: Request) -> JSONResponse:
        """What it says of itself."""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
        )

    def jwks(self, _request: Request) -> JSONResponse:
        """Its public keys."""
        self.n_key_requests += 1
        return JSONResponse({"keys": [key.as_dict(private=False) for key in self.keys]})

    def authorize(self, request: Request) -> Any:
        """The person logs in at once, and goes back with a code."""
        asked = dict(request.query_params)
        fits = (
            asked.get("client_id") == CLIENT
            and asked.get("redirect_uri") == self.redirect_uri
            and asked.get("response_type") == "code"
            and asked.get("code_challenge_method") == "S256"
            and "openid" in asked.get("scope", "").split()
        )
        if not fits:
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request: Request) -> JSONResponse:
        """The tokens for a code."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        given = base64.b64decode(pair).decode() if scheme == "Basic" else ":"
        client, _, secret = (unquote(part) for part in given.partition(":"))
        if client != CLIENT or not hmac.compare_digest(secret, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or form.get("redirect_uri") != self.redirect_uri
            or challenge != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.user if self.in_token else {"sub": self.user["sub"]}
        claims |= self.claims
        token = (self.sign or self.signed)({k: v for k, v in claims.items() if v is not None})
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    def userinfo(self, request: Request) -> JSONResponse:
        """Who the access token is of."""
        if request.headers.get("authorization") != "Bearer opaque":
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.user)


def unsigned(claims: dict[str, Any]) -> str:
    """A token with the algorithm none."""
    head, body = (b64(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
    return f"{head}.{body}."


class Running:
    """The provider on a port of this machine, in a thread, until ``stop``."""

    def __init__(self, provider: Provider) -> None:
        routes = [
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/keys", provider.jwks),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
            Route("/userinfo", provider.userinfo),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=0, log_config=None, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        provider.issuer = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Stop listening, and wait until the thread has ended."""
        self._server.should_exit = True
        self._thread.join()
