"""The Litestar application: what is around every route, and where each context's routes hang."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.middleware import AbstractMiddleware

import models.all_contexts  # noqa: F401
from api.addresses import Addresses
from api.api_keys.routes import ApiKeysController
from api.audit.routes import AuditController
from api.auth import AuthenticationMiddleware
from api.bodies import BodyRequest, read_request
from api.courses.routes import BranchesController, ClosuresController, CoursesController
from api.cycles.routes import CyclesController
from api.dependencies import DEPENDENCIES
from api.document_types import DecimalsAreNumbers, TuplesAreLists
from api.events.routes import EventsController, EventTypesController
from api.exports.routes import ExportsController
from api.finance.routes import FinanceController
from api.guests.routes import GuestSessionsController
from api.health.routes import HealthController
from api.identity.routes import AccountController, AuthController
from api.jobs.bulk_routes import BulkJobsController
from api.jobs.express import ExpressLane
from api.jobs.log_routes import JobLogsController
from api.jobs.routes import JobKindsController, JobsController
from api.jobs.token_routes import JobTokensController
from api.limits import Entrance, Limits, refusing, searching
from api.meetings.routes import CycleMeetingsController, InstructorPlanController, MeetingsController
from api.notifications.routes import NotificationsController
from api.observe import observed
from api.openapi import complete, openapi_config
from api.people.routes import CustomersController, InstructorsController, StudentsController
from api.privacy.routes import PrivacyController
from api.problems import answer
from api.provider_tokens import ProviderTokens
from api.quota import Quota
from api.registrations.routes import (
    CycleRegistrationsController,
    RegistrationsController,
    StudentRegistrationsController,
)
from api.resources import Response, add_etag
from api.schedules.routes import SchedulesController
from api.sign_in.routes import ClerkController, IdentitiesController, OAuthController
from api.swagger import SwaggerController
from api.totp.routes import TotpController
from api.transaction import TransactionMiddleware
from api.users.routes import MeController, UsersController
from api.webhooks.routes import WebhooksController
from models.jobs.pace import PaceReader
from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.logs import configure_logging
from models.kernel.session import Database
from models.kernel.settings import Settings, get_settings
from models.kernel.signals import JOB_CHANGED, Listener, Nudger

CONTROLLERS: list[Any] = [
    AuthController, AccountController, OAuthController, GuestSessionsController, TotpController,
    MeController, IdentitiesController, ClerkController, UsersController,
    ApiKeysController, JobsController, JobLogsController, BulkJobsController, JobTokensController, JobKindsController,
    SchedulesController,
    EventsController, EventTypesController,
    CustomersController, StudentsController, InstructorsController, CoursesController, BranchesController,
    ClosuresController, CyclesController,
    MeetingsController, CycleMeetingsController, InstructorPlanController, FinanceController,
    ExportsController,
    WebhooksController,
    NotificationsController, AuditController,
    RegistrationsController, CycleRegistrationsController, StudentRegistrationsController,
    PrivacyController,
]  # fmt: skip

# A request waits for nobody while its transaction is open, but for a thread that hashes a password.
PAUSED_SECONDS = 15.0


def create_app(settings: Settings | None = None) -> Litestar:
    settings = settings or get_settings()
    configure_logging(settings.log_level, settings.log_format)
    database = Database(
        settings.asyncpg_dsn,
        pool_size=settings.database_pool_size,
        application="bellwork-api",
        idle_in_transaction_seconds=PAUSED_SECONDS,
    )
    nudger = Nudger(database)
    quota = Quota(settings.redis_url)
    state = State(
        {
            "settings": settings,
            "database": database,
            "nudger": nudger,
            "listener": Listener(database, JOB_CHANGED),
            "pace": PaceReader(),
            "quota": quota,
            "limits": Limits(settings, quota),
            "keys": KeyRing(settings.encryption_keys),
            "files": FileStore(settings.files_url),
        }
    )
    authentication = AuthenticationMiddleware(settings, database, ProviderTokens(state))
    app = Litestar(
        route_handlers=[Router("/api/v1", route_handlers=CONTROLLERS), HealthController, SwaggerController],
        middleware=[
            authentication,
            TransactionMiddleware(database, nudger, state["keys"], settings.body_limit_bytes),
        ],
        guards=[searching],
        request_class=BodyRequest,
        before_request=read_request,
        exception_handlers={Exception: answer},
        dependencies=DEPENDENCIES,
        after_request=add_etag,
        response_class=Response,
        cors_config=CORSConfig(allow_origins=list(settings.cors_origins), allow_headers=["*"], expose_headers=["*"]),
        openapi_config=openapi_config(),
        plugins=[DecimalsAreNumbers(), TuplesAreLists()],
        request_max_body_size=None,
        state=state,
        lifespan=[_running],
        logging_config=None,
        debug=False,
    )
    complete(app)
    _enclose(app, settings, authentication)
    return app


def _enclose(app: Litestar, settings: Settings, authentication: AuthenticationMiddleware) -> None:
    """What stands around the routes, outermost first: observe, entrance, express lane, CORS, refusals."""
    cors = app.asgi_handler
    assert isinstance(cors, AbstractMiddleware)
    cors.app = refusing(cors.app)
    express = ExpressLane(cors, app.state, authentication)
    entrance = Entrance(express, cors, Addresses(settings), authentication, app.state.limits)
    app.asgi_handler = observed(entrance, https=settings.public_url.startswith("https:"))


@asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    app.state.listener.start()
    try:
        yield
    finally:
        await app.state.listener.stop()
        await app.state.quota.close()
        await app.state.nudger.settle()
        await app.state.database.close()
