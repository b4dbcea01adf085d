-- Out: how many rows this connection ever changed. Tells a batch that wrote from one that only looked.
select total_changes()
