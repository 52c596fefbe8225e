-- Shorter than PostgreSQL waits before it looks for deadlocks (a second): where a writer is in our way,
-- and we in its, we are the one that gives up.
set local lock_timeout = '500ms'
