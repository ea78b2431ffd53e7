"""The Chromium that the tests drive: the machine's, else one that is installed for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: No calls home, which fail on closed networks and slow every start.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic")


class NoBrowser(Exception):
    """No Chromium and none could be installed; `str()` says what to do."""


def find() -> str | None:
    """The path of a Chromium on this machine: CHROMIUM, one on PATH, or Playwright's own."""
    named = os.environ.get("CHROMIUM", "").strip()
    if named:
        if not os.access(named, os.X_OK):
            raise NoBrowser(f"CHROMIUM is {named!r}, which is no program that can be run.")
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def ensure() -> str:
    """A Chromium, installed if need be. Raises NoBrowser."""
    found = find()
    if found:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        subprocess.run(install, check=False, env=quiet, stdout=subprocess.DEVNULL)
        found = find()
    if not found:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
        found = find()
    if not found:
        raise NoBrowser(
            "The browser tests need Chromium, and it could not be installed. Install it (Debian: apt install chromium) "
            "or name one: CHROMIUM=/path/to/chrome make test"
        )
    return found


def options() -> list[str]:
    """The command line options that suit this machine."""
    return [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
