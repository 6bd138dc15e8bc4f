-- Looks at every prospect once, without holding up reads or writes.

alter table prospects validate constraint prospects_erased_is_empty;
