"""The words courses and branches are described with, as they are stored and sent."""

from enum import StrEnum


class Difficulty(StrEnum):
    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class CourseStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class BranchType(StrEnum):
    SCHOOL = "school"
    COMMUNITY_CENTER = "community_center"
    FRONTAL = "frontal"
    ONLINE = "online"
