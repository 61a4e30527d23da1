-- Who hosts each booking.
select
    booking_id,
    user_id
from {{ stream('booking_hosts') }} as booking_hosts
where _sdc_deleted_at is null
    and booking_id in (select booking_id from {{ ref('stg_bookings') }})
