-- What each classic booking page belongs to.
select
    booking_page_id,
    linked_type,
    linked_id
from {{ stream('booking_page_links') }} as booking_page_links
where _sdc_deleted_at is null
