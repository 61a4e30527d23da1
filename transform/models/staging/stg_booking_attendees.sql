-- One row for each attendee of a booking.
select
    bookings.id as booking_id,
    {{ position('attendee') }} as position, -- Place in the list, from 1.
    {{ item_text('attendee') }} as email
from {{ stream('bookings') }} as bookings
{{ each('bookings.attendees', 'attendee') }}
where bookings.id in (select booking_id from {{ ref('stg_bookings') }})
