"""The login service: just enough of OpenID and OAuth for a service principal, and the managed identity endpoint."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from .exchange import ApiError, Call, Reply
from .plane import CLIENT_ID, CLIENT_SECRET, FEDERATED_TOKEN, TENANT, Plane, token

if TYPE_CHECKING:
    from .world import JsonObject


FEDERATED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def configuration(plane: Plane, call: Call) -> Reply:
    """The OpenID document of a tenant."""
    base = plane.url("login", f"/{call.parts['tenant']}")
    return Reply(
        body={
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "issuer": f"{base}/v2.0",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "tenant_region_scope": None,
            "cloud_instance_name": "microsoftonline.com",
        }
    )


def instances(plane: Plane, call: Call) -> Reply:
    """The known authorities, which msal asks for when it doubts one."""
    host = plane.names.hosts["login"]
    return Reply(
        body={
            "tenant_discovery_endpoint": plane.url("login", f"/{TENANT}/v2.0/.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
    )


def issue(plane: Plane, call: Call) -> Reply:
    """A token for the one service principal there is; 401 for any other, or for a wrong secret or federated token."""
    form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
    if call.parts["tenant"] != TENANT:
        raise ApiError(400, _refusal("invalid_request", 90002, "The tenant was not found."))
    if form.get("client_id") != CLIENT_ID:
        raise ApiError(400, _refusal("unauthorized_client", 700016, "The application was not found in the directory."))
    if form.get("client_assertion_type") == FEDERATED:
        if form.get("client_assertion") != FEDERATED_TOKEN:
            raise ApiError(401, _refusal("invalid_client", 700213, "No matching federated identity record was found."))
    elif form.get("client_secret") != CLIENT_SECRET:
        raise ApiError(401, _refusal("invalid_client", 7000215, "Invalid client secret provided."))
    audience = form.get("scope", "").removesuffix("/.default")
    answer = {"token_type": "Bearer", "expires_in": 86400, "ext_expires_in": 86400, "access_token": token(audience)}
    return Reply(body=answer)


def identity(plane: Plane, call: Call) -> Reply:
    """A token for the machine's managed identity, which must be asked for as its documentation says."""
    if not any(name in call.headers for name in ("Metadata", "X-IDENTITY-HEADER", "secret")):
        raise ApiError(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
    form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
    resource = form.get("resource") or call.query.get("resource", "")
    expires = str(int(time.time()) + 86400)
    return Reply(
        body={"access_token": token(resource), "expires_on": expires, "resource": resource, "token_type": "Bearer"}
    )


def _refusal(error: str, code: int, message: str) -> JsonObject:
    return {"error": error, "error_description": f"AADSTS{code}: {message}", "error_codes": [code]}
