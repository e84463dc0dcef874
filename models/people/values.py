"""The words people are described with, as they are stored and sent."""

from enum import StrEnum


class EmploymentType(StrEnum):
    EMPLOYEE = "employee"
    FREELANCER = "freelancer"
