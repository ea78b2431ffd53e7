"""The mappings stage of a manager role, in the words of whoever has to add it."""

from typing import Final

STAGE: Final = (
    "Add the mappings stage to the manager role (Settings, Accounts: the role's template shows it), test the connection, "
    "then try again."
)
