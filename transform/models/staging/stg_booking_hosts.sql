-- Who hosts each booking now.
with booking_hosts as (
    select
        *,
        max(last_updated_time) over (partition by booking_id) as latest
    from {{ stream('booking_hosts') }} as booking_hosts
    where _sdc_deleted_at is null
)

select
    booking_hosts.booking_id, -- Id of a booking (bookings.id).
    booking_hosts.user_id -- Id of a user who hosts or co-hosts it (users.id).
from booking_hosts
-- Older rows of a booking tell who hosted it before.
where coalesce(booking_hosts.last_updated_time = booking_hosts.latest, booking_hosts.latest is null)
    and booking_hosts.booking_id in (select booking_id from {{ ref('stg_bookings') }})
