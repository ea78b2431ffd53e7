"""What every page's frame needs to know."""

from typing import Any

from django.http import HttpRequest


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the theme, for the server-rendered data-bs-theme attribute."""
    return {"theme": getattr(request.user, "theme", "") or request.COOKIES.get("theme", "auto")}
