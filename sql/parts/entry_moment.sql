-- When the entry was logged, for programs: infinity and years before Christ become what a calendar holds.
least(greatest(timestamp::timestamptz, '0001-01-02'), '9999-12-30')
