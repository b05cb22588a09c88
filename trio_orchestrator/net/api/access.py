"""Who may ask for what (docs/http-api.md, "Who may"), and who it is that asks."""

from collections import Counter
from dataclasses import dataclass, field

from starlette.requests import Request

from trio_orchestrator.auth import Identity, TokenChecker
from trio_orchestrator.connections.session import actor_of
from trio_orchestrator.protocol.errors import Forbidden, PeerError, Unauthenticated
from trio_orchestrator.settings import Settings
from trio_orchestrator.tracking.ports import Actor


@dataclass(frozen=True, slots=True)
class Access:
    """The rules.

    Attributes:
        readers: checks the tokens of whoever reads; None where everybody may.
        administrators: checks the tokens of administrators; None where there are none.
        tokens_asked_for: whether any peer needs a token.
        public_timelines: whether the two legacy routes need none all the same.
        anonymous_erasing: whether everybody may erase where no peer needs a token.
        authentications: counts the tokens that are shown, as `http` and by what came of it.
    """

    readers: TokenChecker | None
    administrators: TokenChecker | None
    tokens_asked_for: bool
    public_timelines: bool = False
    anonymous_erasing: bool = False
    authentications: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(
        cls,
        settings: Settings,
        readers: TokenChecker | None,
        administrators: TokenChecker | None,
        authentications: Counter[tuple[str, str]],
    ) -> "Access":
        """The rules that `settings` make; the others as in the attributes."""
        return cls(
            readers,
            administrators,
            tokens_asked_for=settings.tokens is not None,
            public_timelines=settings.public_timelines,
            anonymous_erasing=settings.allow_anonymous_erase,
            authentications=authentications,
        )

    async def reader(self, request: Request) -> Actor:
        """Whoever asks, if that is somebody who may read.

        Raises:
            Unauthenticated: no good token came with the request.
            Forbidden: it lacks the role.
        """
        return await self._actor(request, self.readers)

    async def legacy_reader(self, request: Request) -> Actor:
        """Likewise for the two legacy routes."""
        return await self._actor(request, None if self.public_timelines else self.readers)

    async def administrator(self, request: Request) -> Actor:
        """Likewise for an administrator."""
        if self.administrators is None:
            raise Forbidden("this takes an administrator, and ADMIN_ROLE is not set")
        return await self._actor(request, self.administrators)

    async def eraser(self, request: Request) -> Actor:
        """Likewise for somebody who may erase."""
        if self.tokens_asked_for:
            return await self.administrator(request)
        if not self.anonymous_erasing:
            raise Forbidden("nobody may erase objects here: ALLOW_ANONYMOUS_ERASE is not set")
        return await self._actor(request, None)

    async def _actor(self, request: Request, checker: TokenChecker | None) -> Actor:
        identity: Identity | None = None
        if checker is not None:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated("a bearer token is needed")
            try:
                identity = await checker.check(token.strip())
            except PeerError as error:
                self.authentications["http", error.code.value] += 1
                raise
            self.authentications["http", "accepted"] += 1
        return actor_of(identity, None if request.client is None else request.client.host.removeprefix("::ffff:"))
