-- In: collection, name, expected revision or null.
delete from registry
where collection = @collection and name = @name and (@expectedRevision is null or revision = @expectedRevision)
