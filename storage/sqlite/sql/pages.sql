-- Out: pages in the file, and how many of them are free.
select page_count, freelist_count
from pragma_page_count, pragma_freelist_count
