-- The fingerprint that the entry carries; whatever else stands there is a field of the program's.
substring(entry.meta ->> 'error_fingerprint' from '^[0-9a-f]{12}$')
