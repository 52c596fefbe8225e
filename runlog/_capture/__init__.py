"""A log call is taken: the handler, the processor, ``install`` and loguru's sink.

Lives here: the four ways in; what a LogRecord and an event_dict say (``log_record``,
``event_dict``); whose call a record belongs to, also when it waits in a queue (``calls``); that a
record seen twice is stored once (``once``). Not here: the line (``_entry``), the run (``_run``).

On the caller's thread; must not block, must not raise. The only room that changes the logging
module: ``calls`` (QueueHandler, MemoryHandler) and ``install`` (Logger.filter).
"""
