"""Imports every module with handlers, so that they are registered."""
