-- Does the run tell how its script does? A cursor that a person set is a row and no run, and a backfill
-- is an exception: neither counts in statistics, as the last run or as a success, and lists show
-- them to whoever asks for them.
(sync_mode is distinct from 'cursor' and metadata #>> '{runlog,backfill}' is distinct from 'true')
