-- In: now. Keeps the high-water mark of the store's clock.
update server
set clock_ms = max(clock_ms, ?)
where id = 1
