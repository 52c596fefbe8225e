-- What makes two errors one, of "error_type" and "message": _entry/fingerprint.py, of which a test says
-- that both agree. When and where a dead process was last seen is another each time.
left(
    md5(
        concat_ws(
            e'\n',
            error_type,
            case
                when error_type = 'died' then ''
                else regexp_replace(
                    split_part(message, e'\n', 1),
                    '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|(?<![0-9A-Za-z_])[0-9a-fA-F]{12,}(?![0-9A-Za-z_])|[0-9]+',
                    '*',
                    'g'
                )
            end
        )
    ),
    12
)
