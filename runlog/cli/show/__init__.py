"""How the command line prints: tables, pages, texts."""
