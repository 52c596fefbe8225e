"""What can be examined of an installation; each finding comes with its remedy.

``examination`` asks all of it, in order: ``machine`` needs no database, ``database`` does, and
``alerts`` is about who watches. A ``finding`` is a value: the command line prints it, a program or
a page can show it as well. Nothing here prints or ends a process.
"""
