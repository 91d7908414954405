"""Logging in by OpenID Connect: the code flow with state, nonce and PKCE (OpenID Connect Core 1.0, RFC 7636).

What the provider says is believed only as far as it is signed: the id token by a key of its JWKS, with an
algorithm of two keys (never ``none``, never one whose key both sides have), for this client, in answer to
this login, and not expired.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import Key

__all__ = ["Identity", "OidcClient", "OidcError", "Pending", "UnreachableError"]

ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
]  # fmt: skip
LEEWAY_S = 60
"""How far the clocks of the two may be apart."""

KNOWN_S = 3600
"""How long what the provider says of itself is kept; its keys are fetched anew as soon as one is missing."""

LARGEST = 1_000_000
TIMEOUT_S = 10.0


class OidcError(Exception):
    """A login that must not succeed. The text is for the log; it holds nothing that the provider sent."""


class UnreachableError(OidcError):
    """The provider does not answer, or not as a provider does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A login that is under way: what the browser keeps, sealed, until it comes back."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider says it is. ``email`` is ``None`` unless the provider says that it checked it."""

    issuer: str
    subject: str
    email: str | None
    name: str | None


class OidcClient:
    """This service at one provider. Safe to use from several threads."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        http: httpx.Client | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.client_id, self.redirect_uri = issuer, client_id, redirect_uri
        self._secret, self._clock = client_secret, clock
        self._http = http or httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, Any]] | None = None
        self._keys: KeySet | None = None

    def close(self) -> None:
        """Close the connections to the provider."""
        self._http.close()

    def begin(self) -> tuple[str, Pending]:
        """Where to send the browser, and what to keep until it comes back.

        Raises:
            UnreachableError: the provider does not answer.
        """
        pending = Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email profile",
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}", pending

    def finish(self, pending: Pending, *, code: str, state: str, issuer: str | None = None) -> Identity:
        """Who came back with ``code``. ``issuer`` is the answer's ``iss`` (RFC 9207), if it has one.

        Raises:
            OidcError: state, token, or what the token says, is not in order.
            UnreachableError: the provider does not answer.
        """
        if not hmac.compare_digest(state.encode(), pending.state.encode()):
            raise OidcError("the state is another login's")
        if issuer is not None and issuer != self.issuer:
            raise OidcError("the answer is another issuer's")
        tokens = self._exchange(code, pending.verifier)
        claims = self._claims(str(tokens.get("id_token", "")), nonce=pending.nonce)
        subject = claims["sub"]
        if "email" not in claims and isinstance(tokens.get("access_token"), str):
            claims |= self._user_info(tokens["access_token"], subject)
        email, name = claims.get("email"), claims.get("name")
        checked = claims.get("email_verified") is True and isinstance(email, str)
        return Identity(
            issuer=self.issuer,
            subject=subject,
            email=email if checked else None,
            name=name if isinstance(name, str) else None,
        )

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        methods = self._provider().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        headers = {"Accept": "application/json"}
        if not self._secret:
            form["client_id"] = self.client_id
        elif "client_secret_basic" in methods:
            pair = f"{quote(self.client_id, safe='')}:{quote(self._secret, safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self._secret}
        status, body = self._ask("POST", self._endpoint("token_endpoint"), data=form, headers=headers)
        if 400 <= status < 500:
            raise OidcError(f"the provider refused the code with {status}")
        if status != 200:
            raise UnreachableError(f"the token endpoint answered {status}")
        return body

    def _claims(self, token: str, *, nonce: str) -> dict[str, Any]:
        """What a signed token says, checked as OpenID Connect Core, 3.1.3.7, asks."""
        try:
            decoded = jwt.decode(token, self._key_of(token), algorithms=ALGORITHMS)
        except (JoseError, ValueError) as error:
            raise OidcError(f"the id token is not signed as it must be: {type(error).__name__}") from None
        claims, moment = decoded.claims, self._clock()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        wrong = {
            "iss": claims.get("iss") != self.issuer,
            "aud": self.client_id not in audiences,
            "azp": claims.get("azp", self.client_id) != self.client_id
            or (len(audiences) > 1 and "azp" not in claims),
            "exp": not _is_time(claims.get("exp")) or claims["exp"] + LEEWAY_S <= moment,
            "iat": not _is_time(claims.get("iat")) or claims["iat"] - LEEWAY_S > moment,
            "nbf": "nbf" in claims and (not _is_time(claims["nbf"]) or claims["nbf"] - LEEWAY_S > moment),
            "nonce": not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
            "sub": not isinstance(claims.get("sub"), str) or not 1 <= len(claims["sub"]) <= 255,
        }
        if found := [name for name, is_wrong in wrong.items() if is_wrong]:
            raise OidcError(f"the id token's {', '.join(found)} is wrong")
        return dict(claims)

    def _key_of(self, token: str) -> Key:
        """The provider's key that the token names; if there is none, the keys are fetched once more."""
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in ALGORITHMS:
            raise OidcError("the id token is not signed by an algorithm of two keys")
        kid = header.get("kid")
        keys = self._key_set(anew=False)
        if (key := _find(keys, kid)) is None and (key := _find(self._key_set(anew=True), kid)) is None:
            raise OidcError("the id token's key is none of the provider's")
        return key

    def _key_set(self, *, anew: bool) -> KeySet:
        with self._lock:
            if self._keys is not None and not anew:
                return self._keys
        body = self._get_json(self._endpoint("jwks_uri"))
        usable = [k for k in body.get("keys", []) if isinstance(k, dict) and k.get("use", "sig") == "sig"]
        try:
            keys = KeySet.import_key_set({"keys": [k for k in usable if k.get("kty") != "oct"]})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise UnreachableError(f"the provider's keys cannot be read: {type(error).__name__}") from None
        with self._lock:
            self._keys = keys
        return keys

    def _user_info(self, access_token: str, subject: str) -> dict[str, Any]:
        """E-mail and name, where the provider tells them only when asked. They must be of the same person."""
        if not self._provider().get("userinfo_endpoint"):
            return {}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        status, told = self._ask("GET", self._endpoint("userinfo_endpoint"), headers=headers)
        if status != 200 or told.get("sub") != subject:
            raise OidcError("the provider's user info is not of the one who logged in")
        return {name: told[name] for name in ("email", "email_verified", "name") if name in told}

    def _endpoint(self, name: str) -> str:
        """An address the provider gave; https, unless the provider itself is on this machine without it."""
        url = self._provider().get(name)
        if not isinstance(url, str) or urlsplit(url).scheme not in {"https", urlsplit(self.issuer).scheme}:
            raise UnreachableError(f"the provider gives no usable {name}")
        return url

    def _provider(self) -> dict[str, Any]:
        with self._lock:
            if self._known is not None and self._known[0] + KNOWN_S > self._clock():
                return self._known[1]
        told = self._get_json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self.issuer:
            raise UnreachableError("the provider calls itself another issuer than SENTIMENT_OIDC_ISSUER")
        with self._lock:
            self._known = (self._clock(), told)
        return told

    def _get_json(self, url: str) -> dict[str, Any]:
        status, body = self._ask("GET", url, headers={"Accept": "application/json"})
        if status != 200:
            raise UnreachableError(f"the provider answered {status}")
        return body

    def _ask(self, method: str, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object of an answer; of an error's answer the body does not matter."""
        content = bytearray()
        try:
            with self._http.stream(method, url, **more) as answer:
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        raise UnreachableError("the provider's answer is too large")
                if answer.status_code != 200:
                    return answer.status_code, {}
            body = json.loads(content)
        except httpx.HTTPError as error:
            raise UnreachableError(f"the provider cannot be reached: {type(error).__name__}") from None
        except (ValueError, RecursionError):
            raise UnreachableError("the provider's answer is not JSON") from None
        if not isinstance(body, dict):
            raise UnreachableError("the provider's answer is not an object")
        return 200, body


def _find(keys: KeySet, kid: Any) -> Key | None:
    """The key of that name; without a name the only one there is, for otherwise it could be any."""
    if kid is None:
        return keys.keys[0] if len(keys.keys) == 1 else None
    return next((key for key in keys.keys if key.kid == kid), None)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
