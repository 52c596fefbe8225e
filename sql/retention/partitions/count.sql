select count(*) as entries from {part}
