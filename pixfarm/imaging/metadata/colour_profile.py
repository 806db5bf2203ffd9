"""Colour profiles: which of them can describe the colours of a result.

Header: ICC.1:2022, section 7.2.
"""

_HEADER_BYTES = 128
_SIGNATURE = b"acsp"
_GREY, _RGB = b"GRAY", b"RGB "


def fit_profile(profile: bytes, channels: int) -> bytes:
    """The profile, if it is for colours of that many channels, opacity counted; empty otherwise.

    A profile on colours of another kind makes viewers refuse the image, or show wrong colours.
    """
    is_whole = len(profile) >= _HEADER_BYTES and int.from_bytes(profile[:4]) == len(profile)
    wanted = _GREY if channels == 1 else _RGB
    return profile if is_whole and profile[36:40] == _SIGNATURE and profile[16:20] == wanted else b""
