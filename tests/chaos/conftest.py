"""Every process that a test of this folder starts must have ended with it."""

from tests.acceptance.conftest import token

__all__ = ["token"]
