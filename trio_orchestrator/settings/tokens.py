"""How tokens are checked: all of it or nothing, for half-configured authentication must never mean none."""

from dataclasses import dataclass, field

from . import variables
from .given import Given, SettingsError


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are checked (PROTOCOL: Authentication).

    Attributes:
        public_key: the key that signs them, RSA, in PEM (SubjectPublicKeyInfo).
        audience: what their `aud` must hold.
        client_role: the role needed on `/client`; None where no token is asked for there.
        processor_role: the role needed on `/processor`; likewise. At least one of the two is set.
        admin_role: the role needed to erase objects and to read the audit; None where nobody can.
    """

    public_key: bytes = field(repr=False)
    audience: str
    client_role: str | None
    processor_role: str | None
    admin_role: str | None = None


def load_tokens(given: Given) -> TokenSettings | None:
    """All of it or nothing: half-configured authentication must never mean none."""
    roles = (variables.CLIENT_ROLE, variables.PROCESSOR_ROLE, variables.ADMIN_ROLE)
    together = (variables.PUBLIC_KEY, variables.AUDIENCE, *roles)
    present = [variable.name for variable in together if given.has(variable)]
    if not present:
        return None
    because = f"it is not set, but {' and '.join(present)} {'is' if len(present) == 1 else 'are'}"
    for needed in (variables.PUBLIC_KEY, variables.AUDIENCE):
        if not given.has(needed):
            raise SettingsError(
                needed.name, because, f"{needed.expects}, or leave out all of them for no authentication"
            )
    client_role, processor_role = given.get(variables.CLIENT_ROLE), given.get(variables.PROCESSOR_ROLE)
    if client_role is None and processor_role is None:
        raise SettingsError(
            "CLIENT_ROLE", f"neither it nor PROCESSOR_ROLE is set, but {' and '.join(present)} are",
            "the role that each kind of peer needs, or leave out all of them for no authentication",
        )  # fmt: skip
    public_key, audience = given.get(variables.PUBLIC_KEY), given.get(variables.AUDIENCE)
    assert public_key is not None
    assert audience is not None
    return TokenSettings(public_key, audience, client_role, processor_role, given.get(variables.ADMIN_ROLE))
