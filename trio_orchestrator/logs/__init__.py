"""What the server says about itself: one line an event, that nothing a peer sends can forge."""

from .complaints import Complaints, first_of, place_of
from .configuration import configure

__all__ = ["Complaints", "configure", "first_of", "place_of"]
