-- A real write: what answers a ping can also answer a claim.
update server
set pings = pings + 1
where id = 1
