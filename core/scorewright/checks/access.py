"""Who may call, over what: TLS, keys, and the certificate's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scorewright.findings import Level

from .cluster import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scorewright.findings import Finding

    from .context import CheckContext


def certificates(context: CheckContext) -> Iterator[Finding]:
    """Certificate files that cannot be read, are no PEM, or do not belong to each other."""
    tls = context.spec.cluster.tls if context.spec.cluster else None
    if tls is None or tls.cert_file is None or tls.key_file is None:
        return
    import ssl  # slow to import, and few have certificates of their own

    problem = None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except ssl.SSLError as error:
        problem = f"the certificate and its key cannot be used together: {error.reason or error}"
    except OSError as error:
        problem = f"{tls.cert_file} or {tls.key_file} cannot be read: {error.strerror or error}"
    except ValueError:
        problem = f"{tls.key_file} is protected by a password, and nobody is there to give it"
    if problem is not None:
        yield context.finding("SW1439", problem, "cluster", "tls", "cert_file")


def transport(context: CheckContext) -> Iterator[Finding]:
    """Services that anyone may call, and keys that travel in the clear."""
    if context.target.name == LOCAL:
        return
    for name, service in context.spec.services.items():
        if service.auth == "none":
            message = f"{name} answers everyone who can reach it"
            at = ("services", name, "auth")
            yield context.finding("SW1436", message, *at, hint="auth: key", level=Level.WARNING)
    cluster = context.spec.cluster
    guarded = [name for name, service in context.spec.services.items() if service.auth != "none"]
    if cluster is not None and cluster.tls is None and cluster.attach is None and guarded:
        message = f"keys and requests of {', '.join(guarded)} travel over plain http"
        hint = "tls: {leaf_domain_label: NAME}: Azure makes the name and the certificate"
        yield context.finding("SW1436", message, "cluster", "tls", hint=hint, level=Level.WARNING)


def consent(context: CheckContext) -> Iterator[Finding]:
    """Models whose loading may run code, by the user's own consent."""
    for name, service in context.spec.services.items():
        if service.model.allow_pickle:
            message = f"loading the model of {name} may run code that is in its file; you consented to it"
            at = ("services", name, "model", "allow_pickle")
            hint = "only for files whose origin you know"
            yield context.finding("SW1438", message, *at, hint=hint, level=Level.INFO)


def _no_password() -> str:
    raise ValueError("a password is asked for")
