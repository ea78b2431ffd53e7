"""What an organisation says of an account, and how far connecting it is: tone, icon and words."""

from sharing.models import JoinerState

#: AWS's words for where an account stands.
STATES = {
    "ACTIVE": ("ok", "circle-check", "Active"),
    "SUSPENDED": ("bad", "ban", "Suspended"),
    "PENDING_CLOSURE": ("warn", "clock", "Being closed"),
    "CLOSED": ("bad", "circle-x", "Closed"),
    "PENDING_ACTIVATION": ("warn", "hourglass", "Not active yet"),
}
JOINER_STATES: dict[str, tuple[str, str, str]] = {
    JoinerState.WAITING: ("wait", "hourglass", "Waiting for the role"),
    JoinerState.TESTING: ("busy", "loader-2", "Testing"),
    JoinerState.CONNECTED: ("ok", "plug-connected", "Connected"),
    JoinerState.REFUSED: ("bad", "circle-x", "Refused"),
    JoinerState.LEFT_OUT: ("off", "user-off", "Left out"),
    JoinerState.GONE: ("bad", "ban", "Not active"),
}
