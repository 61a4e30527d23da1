-- One row for each custom field of a booking.
select
    bookings.id as booking_id,
    {{ position('custom_field') }} as position, -- Place in the list, from 1.
    {{ json_text(item('custom_field'), 'name') }} as name,
    {{ json_text(item('custom_field'), 'value') }} as value
from {{ stream('bookings') }} as bookings
{{ each('bookings.custom_fields', 'custom_field') }}
where bookings.id in (select booking_id from {{ ref('stg_bookings') }})
