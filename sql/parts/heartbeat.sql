-- When the run was last heard of; null where metadata holds no moment, whatever another program
-- wrote there: the pattern lets through what every PostgreSQL can cast, and nothing else. Without
-- backslashes, which sessions may read in two ways.
case
    when
        metadata #>> '{runlog,heartbeat_at}'
        ~ '^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?$'
        then (metadata #>> '{runlog,heartbeat_at}')::timestamptz
end
