"""Every way to PostgreSQL: addresses, statements, what errors mean, connections that end."""
