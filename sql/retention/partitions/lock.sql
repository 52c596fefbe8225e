-- Both at once, before anything else: whoever took one for its own work might stand in our way to the
-- other. Detaching takes logs, and dropping what was detached takes runs, for its foreign key.
lock table {schema}.logs, {schema}.runs in access exclusive mode
