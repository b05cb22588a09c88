"""What the server says about itself: one line an event, that nothing a peer sends can forge."""

from .complaints import Complaints
from .configuration import configure

__all__ = ["Complaints", "configure"]
