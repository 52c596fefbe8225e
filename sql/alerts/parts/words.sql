left(md5(regexp_replace(split_part(left(entry.message, 500), e'\n', 1), '[[:digit:]]+', '*', 'g')), 12)
