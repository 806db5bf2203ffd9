"""Where in an image something smaller goes."""

from enum import StrEnum


class Gravity(StrEnum):
    """The side or corner that a box is drawn to."""

    CENTRE = "centre"
    NORTH = "north"
    NORTHEAST = "northeast"
    EAST = "east"
    SOUTHEAST = "southeast"
    SOUTH = "south"
    SOUTHWEST = "southwest"
    WEST = "west"
    NORTHWEST = "northwest"

    def place(self, free_width: int, free_height: int) -> tuple[int, int]:
        """How far from the left and from the top something is when that much room is left over."""
        x = 0 if "west" in self else free_width if "east" in self else free_width // 2
        y = 0 if "north" in self else free_height if "south" in self else free_height // 2
        return x, y
