coalesce(run.metadata #>> '{runlog,github,repository}', run.metadata #>> '{runlog,host}')
