-- Has the run missed three heartbeats? Null for a run that has none, so nobody can say.
{heartbeat} < clock_timestamp() - 3 * {heartbeat_interval} * interval '1 second'
