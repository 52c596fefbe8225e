"""One call becomes one line of COPY text, without secrets, of a size that fits.

Pure but for the clock and the ids. On the caller's thread, in microseconds; never raises, whatever
an object's methods do. What is fast and what is careful agree byte for byte; a test says so for
each pair. Every text that goes to PostgreSQL is made here, also a run's.
"""
