"""Users: oneself, and for administrators everybody."""

from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, people_only
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, query_of
from api.identity.schemas import UserOut
from api.resources import Response, created, hard_delete_allowed, listing
from api.users.schemas import (
    PreferencesIn,
    PreferencesOut,
    ProfileOut,
    ProfilePatch,
    UserChangeIn,
    UserIn,
    UserPatch,
    preferences_out,
    profile_of,
)
from models.identity.services import accounts, second_factors, users
from models.identity.services.users import NewUser, UserPage
from models.kernel.paging import Listing


class MeController(Controller):
    path = "/users/me"
    tags = ("Identity",)

    @get("/", guards=[people_only], summary="Read my profile")
    async def get_profile(self, session: Session, caller: CurrentCaller) -> ProfileOut:
        return profile_of(await accounts.get_profile(session, caller))

    @patch("/", guards=[people_only], summary="Change my profile")
    async def update_profile(
        self, session: Session, caller: CurrentCaller, data: JSONBody[ProfilePatch], match: IfMatch
    ) -> ProfileOut:
        return profile_of(await accounts.update_profile(session, caller, data, match))

    @get("/preferences", guards=[people_only], summary="Read my preferences")
    async def get_preferences(self, session: Session, caller: CurrentCaller) -> PreferencesOut:
        return preferences_out(await accounts.get_profile(session, caller))

    @put("/preferences", guards=[people_only], summary="Replace my preferences")
    async def replace_preferences(
        self, session: Session, caller: CurrentCaller, data: JSONBody[PreferencesIn], match: IfMatch
    ) -> PreferencesOut:
        """`If-Match` takes the ETag of the profile."""
        user = await accounts.update_preferences(session, caller, data.stored, data.timezone, match)
        return preferences_out(user)


class UsersController(Controller):
    path = "/admin/users"
    tags = ("Identity",)

    @get(
        "/", guards=[admins_only], summary="List users",
        dependencies={"page": query_of(UserPage)}, operation_class=documented(UserPage),
    )  # fmt: skip
    async def list_users(self, session: Session, page: NamedDependency[UserPage]) -> Listing[UserOut]:
        """Searched by name, email and phone; those deleted only by `status=deleted`."""
        return listing(UserOut, *await users.list_users(session, page))

    @post("/", guards=[admins_only], summary="Create a user")
    async def create_user(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[UserIn]
    ) -> Response[UserOut]:
        user = await users.create_user(session, caller, msgspec.convert(data, NewUser, from_attributes=True))
        return created(request, UserOut.of(user), user.id)

    @get("/{user_id:uuid}", guards=[admins_only], summary="Read a user")
    async def get_user(self, session: Session, user_id: FromPath[UUID]) -> UserOut:
        return UserOut.of(await accounts.get_user(session, user_id))

    @put("/{user_id:uuid}", guards=[admins_only], summary="Replace a user")
    async def replace_user(
        self,
        session: Session,
        caller: CurrentCaller,
        user_id: FromPath[UUID],
        data: JSONBody[UserChangeIn],
        match: IfMatch,
    ) -> UserOut:
        """A new role takes effect within a second; the last administrator stays one."""
        return UserOut.of(await users.update_user(session, caller, user_id, data, match))

    @patch("/{user_id:uuid}", guards=[admins_only], summary="Change a user")
    async def update_user(
        self,
        session: Session,
        caller: CurrentCaller,
        user_id: FromPath[UUID],
        data: JSONBody[UserPatch],
        match: IfMatch,
    ) -> UserOut:
        """A new role takes effect within a second; the last administrator stays one."""
        return UserOut.of(await users.update_user(session, caller, user_id, data, match))

    @post("/{user_id:uuid}/block", guards=[admins_only], status_code=200, summary="Block a user")
    async def block_user(self, session: Session, caller: CurrentCaller, user_id: FromPath[UUID]) -> UserOut:
        """All their sessions end, within a second and everywhere."""
        return UserOut.of(await users.block_user(session, caller, user_id))

    @post("/{user_id:uuid}/unblock", guards=[admins_only], status_code=200, summary="Unblock a user")
    async def unblock_user(self, session: Session, caller: CurrentCaller, user_id: FromPath[UUID]) -> UserOut:
        return UserOut.of(await users.unblock_user(session, caller, user_id))

    @post("/{user_id:uuid}/reset-totp", guards=[admins_only], status_code=204, summary="Reset a user's second step")
    async def reset_second_step(self, session: Session, caller: CurrentCaller, user_id: FromPath[UUID]) -> None:
        """For someone who has lost the authenticator and the recovery codes; they enrol again."""
        await second_factors.reset(session, caller, user_id)

    @delete("/{user_id:uuid}", guards=[admins_only], summary="Delete a user")
    async def delete_user(
        self,
        session: Session,
        caller: CurrentCaller,
        user_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The user leaves every list and all their sessions end; `hard=true` removes the row for good."""
        await users.delete_user(session, caller, user_id, match, hard=hard_delete_allowed(caller, hard))

    @post("/{user_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a user")
    async def restore_user(self, session: Session, caller: CurrentCaller, user_id: FromPath[UUID]) -> UserOut:
        return UserOut.of(await users.restore_user(session, caller, user_id))
