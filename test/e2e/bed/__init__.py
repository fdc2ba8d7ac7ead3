"""A testbed on loopback: ejabberd with our module, the simulator as Apple, and slixmpp clients as phones.

Everything has private directories and free ports, nothing outlives the program that started it, and nobody sleeps:
each wait is for an event, with a deadline after which it says what was expected and what came.
"""

from .machine import Bed
from .node import Node
from .phone import Phone
from .simulator import Push, Simulator
from .waiting import Unexpected

__all__ = ["Bed", "Node", "Phone", "Push", "Simulator", "Unexpected"]
