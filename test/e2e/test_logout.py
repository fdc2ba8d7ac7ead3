"""What counts as a logout, with devices in Mnesia; test/sql has the same for the other stores."""

from bed.suite import run
from logout_matrix import MODULES, WebBed, suite

if __name__ == "__main__":
    run(suite("Mnesia", lambda: WebBed(MODULES)))
