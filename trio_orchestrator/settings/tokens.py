"""How tokens are checked: all of it or nothing, for half-configured authentication must never mean none."""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from . import variables
from .files import algorithm_of
from .given import Given, SettingsError

_NONE: Final = "leave all that is about tokens out for no authentication"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are checked (PROTOCOL: Authentication). Exactly one of `public_key` and `jwks_url` is set.

    Attributes:
        public_key: the key that signs them, in PEM (SubjectPublicKeyInfo), for one of `algorithms`.
        audience: what their `aud` must hold.
        client_role: the role needed on `/client`; None where no token is asked for there.
        processor_role: the role needed on `/processor`; likewise. At least one of the two is set.
        admin_role: the role needed to erase objects and to read the audit; None where nobody can.
        jwks_url: where the keys that sign them are published.
        algorithms: what they may be signed with.
        processor_id_claim: which claim names the cameras that a processor may stand for; None for any camera.
    """

    public_key: bytes | None = field(repr=False)
    audience: str
    client_role: str | None
    processor_role: str | None
    admin_role: str | None = None
    jwks_url: str | None = None
    algorithms: tuple[str, ...] = ("RS256",)
    processor_id_claim: str | None = None


def load_tokens(given: Given) -> TokenSettings | None:
    """All of it or nothing: half-configured authentication must never mean none."""
    together = (
        variables.PUBLIC_KEY, variables.JWKS_URL, variables.TOKEN_ALGORITHMS, variables.AUDIENCE,
        variables.CLIENT_ROLE, variables.PROCESSOR_ROLE, variables.ADMIN_ROLE, variables.PROCESSOR_ID_CLAIM,
    )  # fmt: skip
    present = [variable.name for variable in together if given.has(variable)]
    if not present:
        return None
    but = f"but {' and '.join(present)} {'is' if len(present) == 1 else 'are'}"
    algorithms = given.require(variables.TOKEN_ALGORITHMS)
    public_key, jwks_url = given.get(variables.PUBLIC_KEY), given.get(variables.JWKS_URL)
    if public_key is None and jwks_url is None:
        right = f"{variables.PUBLIC_KEY.expects}, or set JWKS_URL, or {_NONE}"
        raise SettingsError("PUBLIC_KEY", f"neither it nor JWKS_URL is set, {but}", right)
    if public_key is not None and jwks_url is not None:
        raise given.error(variables.JWKS_URL, "it is set, and so is PUBLIC_KEY", "only one of the two")
    audience = given.get(variables.AUDIENCE)
    if audience is None:
        raise SettingsError("AUDIENCE", f"it is not set, {but}", f"{variables.AUDIENCE.expects}, or {_NONE}")
    client_role, processor_role = given.get(variables.CLIENT_ROLE), given.get(variables.PROCESSOR_ROLE)
    if client_role is None and processor_role is None:
        right = f"the role that each kind of peer needs, or {_NONE}"
        raise SettingsError("CLIENT_ROLE", f"neither it nor PROCESSOR_ROLE is set, {but}", right)
    claim = given.get(variables.PROCESSOR_ID_CLAIM)
    if claim is not None and processor_role is None:
        right = f"{variables.PROCESSOR_ROLE.expects}, or leave out PROCESSOR_ID_CLAIM"
        raise SettingsError("PROCESSOR_ROLE", "it is not set, but PROCESSOR_ID_CLAIM is", right)
    needed = public_key and algorithm_of(load_pem_public_key(public_key))
    if needed and needed not in algorithms:
        wrong = f"its key is for {needed}, which is not among the TOKEN_ALGORITHMS {', '.join(algorithms)}"
        raise given.error(variables.PUBLIC_KEY, wrong, f"a key for one of these, or add {needed} to TOKEN_ALGORITHMS")
    admin_role = given.get(variables.ADMIN_ROLE)
    return TokenSettings(public_key, audience, client_role, processor_role, admin_role, jwks_url, algorithms, claim)
