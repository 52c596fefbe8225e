-- Does message or meta hold the text, in any case? A text without letters needs no folding, one of
-- ASCII only that of ASCII, which takes half the time; the database's own folding is for the rest.
-- At most one of the three patterns is there.
(%(text_like)s::text is null or message like %(text_like)s or meta::text like %(text_like)s)
and (
    %(text_ascii)s::text is null
    or message collate "C" ilike %(text_ascii)s
    or meta::text collate "C" ilike %(text_ascii)s
)
and (
    %(text_ilike)s::text is null
    or message ilike %(text_ilike)s
    or meta::text ilike %(text_ilike)s
)
