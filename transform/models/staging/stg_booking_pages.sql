-- Every classic booking page.
select
    id as booking_page_id,
    name,
    label,
    active as is_active,
    timezone,
    url
from {{ stream('booking_pages') }} as booking_pages
where _sdc_deleted_at is null
