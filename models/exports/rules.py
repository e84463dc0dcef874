"""Who sees which files: pure."""

import msgspec

PERSONAL_DATA = "personal-data"


class Sight(msgspec.Struct, frozen=True):
    """What somebody asked for they see; `others`: what others asked for as well, `personal`: even everything that is
    held of a person.
    """

    name: str
    others: bool
    personal: bool

    def reaches(self, owner: str, resource: str) -> bool:
        return owner == self.name or (self.others and (self.personal or resource != PERSONAL_DATA))


EVERYTHING = Sight("system", others=True, personal=True)
