-- Did the run begin at a moment that everybody can reckon with? Other programs' rows may say nothing,
-- infinity or a year before Christ.
started_at between '0001-01-02' and '9999-12-30'
