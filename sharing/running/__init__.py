"""Running fnshare on one machine: the processes of `make demo` and `make run`, and what they need first."""
