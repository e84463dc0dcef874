"""Alembic's entry: runs the migrations on the connection that `run.py` hands over."""

from alembic import context

import models.all_contexts  # noqa: F401
from models.kernel.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
