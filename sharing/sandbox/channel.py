"""waitress' connection, with one race closed that a busy machine loses."""

from waitress.channel import HTTPChannel


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection whose output is only ever sent by one thread at a time.

    With a lookahead a thread that has just finished one request may send "100 Continue" for the next (S3 uploads ask for
    it) while the main thread, which sees no request under way, sends what is in the same buffer without the lock: both send
    the same bytes, and waitress 3.0.2 then drops the connection.
    """

    def _flush_some(self, do_close: bool = True) -> bool:
        with self.outbuf_lock:  # re-entrant: whoever holds it already goes on
            return bool(super()._flush_some(do_close=do_close))
