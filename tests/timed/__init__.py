"""How the product is started, kept running and ended."""
