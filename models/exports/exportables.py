"""What lies below exports, as files."""

from models.audit import queries
from models.audit.service import AuditPage
from models.audit.tables import AuditEntry, AuditStatement
from models.exports.registry import Column, ColumnType, Exportable, register
from models.kernel.paging import filters

register(
    Exportable(
        name="audit-log",
        title="Audit log",
        scope="read:audit",
        filters=AuditPage,
        rows=lambda page, _: queries.entries(filters(page)).order_by(AuditEntry.statement_id, AuditEntry.id),
        columns=(
            Column("id", "Number", AuditEntry.id, ColumnType.INTEGER, width=12),
            Column("at", "At (UTC)", AuditStatement.at, ColumnType.DATETIME, width=20),
            Column("actor", "Who", AuditStatement.actor, width=44),
            Column("action", "Did what", AuditEntry.action, width=12),
            Column("entity", "To what", AuditStatement.entity, width=18),
            Column("entityId", "Its id", AuditEntry.entity_id, width=38),
            Column("oldValues", "Before", AuditEntry.old_values, width=50),
            Column("newValues", "After", AuditEntry.new_values, width=50),
            Column("clientIp", "From", AuditStatement.client_ip, width=16),
            Column("userAgent", "By", AuditStatement.user_agent, width=30),
            Column("requestId", "Request", AuditStatement.request_id, width=38),
            Column("jobId", "Job", AuditStatement.job_id, width=38),
        ),
    )
)
