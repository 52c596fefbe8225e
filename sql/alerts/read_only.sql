-- Nothing may be written in this transaction.
set transaction read only
