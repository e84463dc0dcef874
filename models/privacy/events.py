"""What receivers need to know to forget somebody as well."""

from uuid import UUID

from models.events.catalogue import event_type
from models.kernel.schema import Out
from models.privacy.persons import PersonKind


class PersonErased(Out):
    id: UUID


_someone = {"id": "0198c0de-0000-7000-8000-000000000001"}

ERASED = {
    PersonKind.USER: event_type("user.erased", PersonErased, "Everything personal of a user is gone.", _someone),
    PersonKind.CUSTOMER: event_type(
        "customer.erased", PersonErased, "Everything personal of a customer and their students is gone.", _someone
    ),
}
