-- The moment of the look.
select now()
