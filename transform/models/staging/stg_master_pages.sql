-- Every classic master page.
select
    id as master_page_id,
    name,
    label,
    active as is_active,
    url
from {{ stream('master_pages') }} as master_pages
where _sdc_deleted_at is null
