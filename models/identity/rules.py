"""What a password must be, and how often one may guess: pure."""

import msgspec

from models.kernel.errors import Fault

SHORTEST_PASSWORD = 10
FEWEST_CHARACTERS = 5


class Allowance(msgspec.Struct, frozen=True):
    """So many tries within so many seconds, counted from the first."""

    count: int
    seconds: int


GUESSES_PER_ACCOUNT = Allowance(10, 15 * 60)
GUESSES_PER_ADDRESS = Allowance(50, 15 * 60)
CODES_PER_ACCOUNT = Allowance(5, 15 * 60)
MAILS_PER_RECIPIENT = Allowance(5, 60 * 60)
MAILS_PER_ADDRESS = Allowance(20, 60 * 60)


def password_faults(field: str, password: str, email: str) -> list[Fault]:
    """Length is what counts; without a rule for kinds of characters, which only makes passwords worse."""
    if len(password) < SHORTEST_PASSWORD:
        return [Fault(field, f"must have at least {SHORTEST_PASSWORD} characters")]
    if len(set(password)) < FEWEST_CHARACTERS:
        return [Fault(field, f"must have at least {FEWEST_CHARACTERS} different characters")]
    if password.lower() in {email.lower(), email.partition("@")[0].lower()}:
        return [Fault(field, "must not be the email")]
    return []
